"""What holds without traces: they are not asked for, not sampled, or cannot be had or taken."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from receiver.config.settings import Settings
from receiver.contract.records import Notification, decode_notification, encode
from receiver.contract.redis_keys import INBOUND
from tests.support.collector import Collector, collecting
from tests.support.commands import free_port
from tests.support.consumer import Consumer
from tests.support.eventually import eventually
from tests.support.running import Receiver, mo
from tests.support.traces import PARENT, TRACE, TRACED, write_sinks
from workers.normalise.decide import decide


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


def test_without_traces_nothing_of_them_is_loaded_and_no_event_or_request_carries_any(
    receiver: Receiver, consumer: Consumer, tmp_path: Path
) -> None:
    write_sinks(tmp_path, consumer)
    receiver.also(PYTHONPROFILEIMPORTTIME="1", OTEL_SERVICE_NAME="set-for-everybody")
    receiver.start()
    receiver.acknowledged("/att/sms/mo", mo(), TRACED)
    eventually(lambda: len(consumer.requests) == 1)
    receiver.settled()
    inbound: Any = receiver.redis.xrange(INBOUND)
    receiver.stop()
    assert decode_notification(inbound[0][1][b"n"]).trace == ""
    [request] = consumer.requests
    assert "traceparent" not in request.headers
    assert b"traceparent" not in request.body
    loaded = receiver.log.read_text()
    assert "receiver.web.ingest" in loaded
    assert "workers.sinks.http" in loaded
    # Where it is installed, redis-py loads OpenTelemetry's metrics by itself.
    for name in (
        "receiver.runtime.tracing.spans",
        "opentelemetry.exporter",
        "opentelemetry.sdk.trace",
    ):
        assert name not in loaded


EVENT = (
    b'{"specversion":"1.0","id":"ab55d1c7e16e004d902d0091678b49c4",'
    b'"type":"sms.message.received.v1","source":"/att/sms/mo/promo",'
    b'"time":"1970-01-01T00:00:00.001000Z","datacontenttype":"application/json",'
    b'"receivedtime":"1970-01-01T00:00:00.001Z","receiptid":"111111111111111111111111111",'
    b'"identitybasis":"none","timebasis":"receipt",'
    b'"dataschema":"urn:telecom-receiver:schema:sms.message.received.v1#data",'
    b'"subject":"+12065550100","data":{"from":"+12065550100",'
    b'"to":null,"text":"hello","messageId":null,"raw":{"Message":"hello",'
    b'"SenderAddress":"tel:+12065550100"}}}'
)


@pytest.mark.parametrize("trace", ["", PARENT])
def test_without_traces_an_event_is_as_ever_to_the_byte_though_its_door_had_some(
    trace: str,
) -> None:
    body = b'{"Message":"hello","SenderAddress":"tel:+12065550100"}'
    one = Notification("att.sms.mo", "promo", "1" * 27, 1, "application/json", body, trace)
    (claim,) = decide((b"1-0", encode(one)), Settings()).claims
    assert claim.document == EVENT


@pytest.mark.parametrize("hangs", [False, True])
def test_a_collector_that_is_away_holds_up_neither_answers_nor_the_end(
    receiver: Receiver, collector: Collector, *, hangs: bool
) -> None:
    collector.hangs.set()
    environ = collector.environ | {"OTEL_EXPORTER_OTLP_TIMEOUT": "120"}
    if not hangs:
        environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{free_port()}"
    receiver.also(**environ)
    receiver.start()
    for _ in range(20):
        assert receiver.post("/att/sms/mo", mo(), TRACED).status == 204
    assert receiver.settled().published == 20
    for process in (receiver.web, receiver.worker):
        assert process
        process.terminate()
        # The SDK by itself would wait for thirty seconds.
        assert process.wait(60) in (0, -signal.SIGTERM)
    assert collector.spans == []
    assert not {"Traceback", "Fatal"} & set(receiver.log.read_text().split())


def test_without_the_packages_one_line_says_what_to_install_and_everything_works(
    receiver: Receiver, collector: Collector, tmp_path: Path
) -> None:
    away = tmp_path / "path" / "opentelemetry"
    away.mkdir(parents=True)
    (away / "__init__.py").write_text("raise ModuleNotFoundError")
    path = f"{away.parent}:{receiver._environ['PYTHONPATH']}"
    receiver.also(PYTHONPATH=path, **collector.environ)
    receiver.start()
    receiver.acknowledged("/att/sms/mo", mo(), TRACED)
    receiver.settled()
    assert "traceparent" not in receiver.events()[0]
    receiver.stop()
    lines: list[Any] = [
        msgspec.json.decode(line)
        for line in receiver.log.read_bytes().splitlines()
        if b"traces.off" in line
    ]
    assert len(lines) == 2  # web and worker
    assert "pip install opentelemetry-sdk" in lines[0]["reason"]


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "http/protobuf is wanted"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "-1"}, "cannot be used: ValueError"),
    ],
)
def test_what_opentelemetry_s_variables_cannot_mean_here_is_one_line_and_no_traces(
    receiver: Receiver, collector: Collector, environ: dict[str, str], says: str
) -> None:
    receiver.also(**collector.environ | environ)
    receiver.start_web()
    receiver.acknowledged("/att/sms/mo", mo(), TRACED)
    receiver.stop()
    [line] = [line for line in receiver.log.read_text().splitlines() if "traces.off" in line]
    assert says in line


def test_a_credential_for_the_collector_that_cannot_be_read_is_not_in_the_log(
    receiver: Receiver, collector: Collector
) -> None:
    wrong = {"OTEL_EXPORTER_OTLP_HEADERS": "Authorization: Bearer made-up"}
    receiver.also(**collector.environ | wrong)
    receiver.start_web()
    log = receiver.log.read_text()
    assert "OTEL_EXPORTER_OTLP_HEADERS: name=value" in log
    assert "made-up" not in log


def test_who_says_that_he_is_not_sampled_is_not_and_the_next_one_hears_it(
    receiver: Receiver, collector: Collector
) -> None:
    receiver.also(**collector.environ)
    receiver.start()
    unsampled = TRACED | {"traceparent": f"{PARENT[:-2]}00"}
    receiver.acknowledged("/att/sms/mo", mo(), unsampled)
    receiver.settled()
    [event] = receiver.events()
    assert (event["traceparent"][3:35], event["traceparent"][-2:]) == (TRACE, "00")
    receiver.stop()
    assert collector.spans == []
