"""Traces, from the door to the delivery, exported to a real collector over OTLP."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from receiver.config.settings import Settings
from receiver.contract.records import Notification, decode_notification, encode
from receiver.contract.redis_keys import INBOUND, LEDGER
from tests.support.cases import cases
from tests.support.collector import Collector, Span, collecting
from tests.support.commands import free_port
from tests.support.consumer import Consumer, consuming
from tests.support.eventually import eventually
from tests.support.running import AUTHORIZED, Receiver, mo
from workers.normalise.decide import decide

TRACE, SPAN = "ab" * 16, "cd" * 8
PARENT = f"00-{TRACE}-{SPAN}-01"
TRACED = AUTHORIZED | {"traceparent": PARENT, "tracestate": "vendor=opaque"}
SINKS = """
[[sink]]
name = "hook"
kind = "http"
url = "{url}"
allow = ["{netloc}"]
mode = "{mode}"

[[sink]]
name = "copy"
kind = "redis-stream"
stream = "copy"
"""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    with consuming() as found:
        yield found


def _sinks(directory: Path, consumer: Consumer, mode: str = "structured") -> None:
    text = SINKS.format(url=consumer.url, netloc=consumer.netloc, mode=mode)
    (directory / "receiver.toml").write_text(text)


def _delivered(collector: Collector, sink: str) -> list[Span]:
    spans = collector.named("deliver")
    return [span for span in spans if span.attributes["receiver.sink"] == sink]


def test_one_notification_is_one_trace_from_the_door_to_each_delivery(
    receiver: Receiver, collector: Collector, consumer: Consumer, tmp_path: Path
) -> None:
    _sinks(tmp_path, consumer)
    receiver.also(**collector.environ)
    receiver.start()
    answer = receiver.post("/att/sms/mo/promo", mo(), TRACED)
    assert answer.status == 204
    eventually(lambda: len(collector.spans) == 4)

    [door] = collector.named("POST")
    [normalised] = collector.named("normalise")
    [hook], [copy] = _delivered(collector, "hook"), _delivered(collector, "copy")
    assert {span.trace for span in collector.spans} == {TRACE}
    assert {span.state for span in collector.spans} == {"vendor=opaque"}
    assert {span.service for span in collector.spans} == {"telecom-receiver"}
    assert [door.parent, normalised.parent] == [SPAN, door.id]
    assert hook.parent == copy.parent == normalised.id

    known = {"receiver.receipt": answer.headers["x-receipt-id"]}
    ours = known | {"receiver.listener": "promo", "receiver.kind": "att.sms.mo"}
    assert door.name == "POST /att/sms/mo/{listener}"
    assert door.attributes == ours | {
        "http.request.method": "POST",
        "http.route": "/att/sms/mo/{listener}",
        "http.response.status_code": 204,
    }
    assert normalised.attributes == ours | {"receiver.outcome": "published"}
    taken = known | {"receiver.outcome": "taken", "receiver.attempt": 1}
    assert hook.attributes == taken | {"receiver.sink": "hook"}
    assert copy.attributes == taken | {"receiver.sink": "copy"}
    assert not any(span.failed for span in collector.spans)

    [event] = receiver.events()
    assert event["traceparent"] == normalised.traceparent
    assert event["tracestate"] == "vendor=opaque"
    [request] = consumer.requests
    assert request.headers["traceparent"] == hook.traceparent
    assert request.headers["tracestate"] == "vendor=opaque"
    assert request.event["traceparent"] == normalised.traceparent


def test_each_attempt_is_a_span_and_the_consumer_hears_which(
    receiver: Receiver, collector: Collector, consumer: Consumer, tmp_path: Path
) -> None:
    _sinks(tmp_path, consumer, "binary")
    consumer.behaviour = lambda _request, _handler: 503 if len(consumer.requests) == 1 else 204
    receiver.also(**collector.environ)
    receiver.start()
    receiver.post("/att/sms/mo", mo(), TRACED)
    # Each process exports in its own time.
    eventually(lambda: len(_delivered(collector, "hook")) == 2 and collector.named("normalise"))
    first, second = _delivered(collector, "hook")
    assert (first.failed, second.failed) == (True, False)
    assert [first.attributes["receiver.attempt"], second.attributes["receiver.attempt"]] == [1, 2]
    assert first.attributes["receiver.outcome"] == "failed"
    assert first.parent == second.parent == collector.named("normalise")[0].id
    sent = [request.headers["traceparent"] for request in consumer.requests]
    assert sent == [first.traceparent, second.traceparent]


def test_the_events_of_one_request_keep_their_own_traces(
    receiver: Receiver, collector: Collector, consumer: Consumer, tmp_path: Path
) -> None:
    _sinks(tmp_path, consumer, "batch")
    receiver.also(**collector.environ)
    receiver.start_web()
    for _ in range(3):
        assert receiver.post("/att/sms/mo", mo()).status == 204
    receiver.start_worker()
    eventually(
        lambda: len(_delivered(collector, "hook")) == 3 and len(collector.named("POST")) == 3
    )
    sent = {
        event["traceparent"][3:35]
        for request in consumer.requests
        for event in msgspec.json.decode(request.body)
    }
    doors = {span.trace for span in collector.named("POST")}
    assert len(doors) == 3
    assert doors == sent == {span.trace for span in _delivered(collector, "hook")}
    assert all(
        "traceparent" not in request.headers
        for request in consumer.requests
        if len(msgspec.json.decode(request.body)) > 1
    )


def test_a_stranger_is_nobodys_child_and_what_he_sent_is_not_written_down(
    receiver: Receiver, collector: Collector
) -> None:
    receiver.also(**collector.environ)
    receiver.start_web()
    stranger = {"traceparent": PARENT, "Authorization": "Bearer wrong"}
    assert receiver.post("/att/sms/mo/12065550177", mo(), stranger).status == 401
    assert receiver.post("/att/sms/mo/No-Name?access_token=wrong", mo(), stranger).status == 404
    eventually(lambda: len(collector.spans) == 2)
    [unknown, nowhere] = collector.spans
    for span, status in ((unknown, 401), (nowhere, 404)):
        assert span.trace != TRACE
        assert span.parent == ""
        assert span.attributes == {
            "http.request.method": "POST",
            "http.route": "/att/sms/mo/{listener}",
            "receiver.kind": "att.sms.mo",
            "http.response.status_code": status,
        }


@pytest.mark.parametrize(
    "sent",
    [
        {"traceparent": "00-" + "0" * 32 + f"-{SPAN}-01"},
        {"traceparent": "x" * 5000, "tracestate": "y" * 5000},
        {"traceparent": "\xff\xfe", "tracestate": "a=\xff"},
        {"tracestate": "a=1"},
    ],
)
def test_a_trace_that_is_none_changes_nothing_and_a_new_one_begins(
    receiver: Receiver, collector: Collector, sent: dict[str, str]
) -> None:
    receiver.also(**collector.environ)
    receiver.start_web()
    assert receiver.post("/att/sms/mo", mo(), AUTHORIZED | sent).status == 204
    eventually(lambda: collector.spans)
    [door] = collector.spans
    assert (door.parent, door.state) == ("", "")
    receiver.stop()
    assert "opentelemetry" not in receiver.log.read_text()


def test_what_is_refused_or_repeated_says_so(receiver: Receiver, collector: Collector) -> None:
    receiver.also(**collector.environ)
    receiver.start()
    refused = receiver.post("/att/sms/mo", b"{}", TRACED)
    assert refused.status == 400
    twice = mo()
    for _ in range(2):
        receiver.post("/att/sms/mo", twice, TRACED)
    _unreadable(receiver)
    eventually(lambda: len(collector.named("normalise")) == 3 and len(collector.named("POST")) == 3)
    outcomes = {span.attributes["receiver.outcome"]: span for span in collector.named("normalise")}
    assert set(outcomes) == {"published", "duplicate", "dead"}
    assert outcomes["dead"].failed
    assert outcomes["dead"].trace == "12" * 16
    [door] = [
        span
        for span in collector.named("POST")
        if span.attributes.get("http.response.status_code") == 400
    ]
    assert door.attributes["receiver.receipt"] == refused.headers["x-receipt-id"]
    assert not door.failed  # the sender's fault, not ours


def _unreadable(receiver: Receiver) -> None:
    trace = f"00-{'12' * 16}-{'34' * 8}-01"
    one = Notification("att.sms.mo", "default", "r", 1, "application/json", b"{}", trace)
    receiver.redis.xadd(INBOUND, {"n": encode(one)})
    receiver.redis.hincrby(LEDGER, "accepted", 1)


def test_the_trace_goes_through_the_spool(
    receiver: Receiver, collector: Collector, tmp_path: Path
) -> None:
    receiver.also(RECEIVER_SPOOL_DIR=str(tmp_path / "spool"), **collector.environ)
    receiver.start()
    receiver.valkey.kill()
    assert receiver.post("/att/sms/mo", mo(), TRACED).status == 204
    receiver.valkey.start()
    receiver.redis.close()
    receiver.redis = receiver.valkey.client()
    eventually(lambda: len(receiver.events()) == 1)
    assert receiver.events()[0]["traceparent"][3:35] == TRACE
    eventually(lambda: len(collector.spans) == 2)
    assert collector.named("normalise")[0].parent == collector.named("POST")[0].id


def test_without_traces_nothing_of_them_is_loaded_and_no_event_or_request_carries_any(
    receiver: Receiver, consumer: Consumer, tmp_path: Path
) -> None:
    _sinks(tmp_path, consumer)
    receiver.also(PYTHONPROFILEIMPORTTIME="1", OTEL_SERVICE_NAME="set-for-everybody")
    receiver.start()
    assert receiver.post("/att/sms/mo", mo(), TRACED).status == 204
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
    assert receiver.post("/att/sms/mo", mo(), TRACED).status == 204
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


def test_who_says_that_he_is_not_sampled_is_not_and_the_next_one_hears_it(
    receiver: Receiver, collector: Collector
) -> None:
    receiver.also(**collector.environ)
    receiver.start()
    unsampled = TRACED | {"traceparent": f"{PARENT[:-2]}00"}
    assert receiver.post("/att/sms/mo", mo(), unsampled).status == 204
    receiver.settled()
    [event] = receiver.events()
    assert (event["traceparent"][3:35], event["traceparent"][-2:]) == (TRACE, "00")
    receiver.stop()
    assert collector.spans == []


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
    assert receiver.post("/att/sms/mo", mo(), TRACED).status == 204
    receiver.stop()
    [line] = [line for line in receiver.log.read_text().splitlines() if "traces.off" in line]
    assert says in line


def _send(receiver: Receiver, name: str, body: bytes | None = None) -> int:
    [case] = [case for case in cases() if case.name == name]
    headers = TRACED | {key.title(): value for key, value in case.headers}
    return receiver.post(case.path, body or case.body, headers).status


def test_a_credential_for_the_collector_that_cannot_be_read_is_not_in_the_log(
    receiver: Receiver, collector: Collector
) -> None:
    wrong = {"OTEL_EXPORTER_OTLP_HEADERS": "Authorization: Bearer made-up"}
    receiver.also(**collector.environ | wrong)
    receiver.start_web()
    log = receiver.log.read_text()
    assert "OTEL_EXPORTER_OTLP_HEADERS: name=value" in log
    assert "made-up" not in log


def test_all_events_of_one_notification_carry_its_one_span(
    receiver: Receiver, collector: Collector
) -> None:
    receiver.also(**collector.environ)
    receiver.start()
    assert _send(receiver, "att/status-list") == 204
    receiver.settled()
    assert len(receiver.events()) > 1
    eventually(lambda: len(collector.spans) == 2)
    [normalised] = collector.named("normalise")
    assert {event["traceparent"] for event in receiver.events()} == {normalised.traceparent}


def test_an_event_s_own_trace_is_no_parent_and_stays_in_raw(
    receiver: Receiver, collector: Collector
) -> None:
    receiver.also(**collector.environ)
    receiver.start()
    theirs = f"00-{'12' * 16}-{'34' * 8}-01"
    [case] = [case for case in cases() if case.name == "camara/other-minimal"]
    event = msgspec.json.decode(case.body) | {"traceparent": theirs}
    assert _send(receiver, case.name, msgspec.json.encode(event)) == 204
    receiver.settled()
    [published] = receiver.events()
    assert published["traceparent"][3:35] == TRACE
    assert published["data"]["raw"]["traceparent"] == theirs
