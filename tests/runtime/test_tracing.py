"""Traces, from the request to the delivery, exported to a real collector over OTLP."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from receiver.contract.records import Notification, encode
from receiver.contract.redis_keys import INBOUND, LEDGER
from tests.support.cases import cases
from tests.support.collector import Collector, Span, collecting
from tests.support.consumer import Consumer
from tests.support.eventually import eventually
from tests.support.running import AUTHORIZED, Receiver, mo
from tests.support.traces import PARENT, SPAN, TRACE, TRACED, write_sinks


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


def _delivered(collector: Collector, sink: str) -> list[Span]:
    spans = collector.named("deliver")
    return [span for span in spans if span.attributes["receiver.sink"] == sink]


def test_one_notification_is_one_trace_from_the_web_process_to_each_delivery(
    receiver: Receiver, collector: Collector, consumer: Consumer, tmp_path: Path
) -> None:
    write_sinks(tmp_path, consumer)
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
    write_sinks(tmp_path, consumer, "binary")
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
    write_sinks(tmp_path, consumer, "batch")
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


def _send(receiver: Receiver, name: str, body: bytes | None = None) -> int:
    [case] = [case for case in cases() if case.name == name]
    headers = TRACED | {key.title(): value for key, value in case.headers}
    return receiver.post(case.path, body or case.body, headers).status


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
