"""The attempts that are stored: every failure, the newest of each sink, how an answer begins."""

import pytest

from receiver.contract.records import Delivery
from receiver.contract.redis_keys import DELIVERIES, sink_deliveries
from receiver.operations import delivery_attempts
from tests.support.consumer import Consumer, Handler, Request, answering
from tests.support.forwarding import (
    Forwarding,
    event,
    http_sink,
    publish,
    publish_many,
    unheard_sink,
)
from tests.support.valkey import Valkey
from workers.forward import attempt_log
from workers.sinks.sink import TAKEN, Item


def saying(status: int, body: bytes) -> object:
    def behave(_request: Request, handler: Handler) -> None:
        handler.send_response(status)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return behave


def test_each_attempt_is_stored_with_status_time_and_how_the_answer_begins(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    consumer.behaviour = saying(503, b"\xffbusy" + b"x" * 9000)  # type: ignore[assignment]
    (entry,) = publish(valkey, event(1))
    forwarding.run()
    consumer.behaviour = answering(204)
    forwarding.later(3600)
    failed, taken = delivery_attempts.of_events(valkey.client(), [entry], ["hook"])
    assert (failed.sink, failed.entry, failed.number, failed.status) == ("hook", entry, 1, 503)
    assert failed.answer == b"\xffbusy" + b"x" * 507
    assert failed.reason == "answered 503"
    assert 0 <= failed.milliseconds < 5000
    assert 0 <= taken.at - failed.at < 60_000
    assert (taken.number, taken.status, taken.reason, taken.answer) == (2, 204, "", b"")
    assert delivery_attempts.newest(valkey.client(), "hook") == [taken, failed]
    assert valkey.client().xlen(DELIVERIES) == 1  # and that once


def test_every_failure_is_stored_and_of_all_attempts_the_newest(
    valkey: Valkey, consumer: Consumer
) -> None:
    client = valkey.client()
    forwarding = Forwarding(valkey, http_sink(consumer, mode="batch", batch_size=50))
    publish_many(valkey, 700)
    forwarding.run()
    assert client.xlen(DELIVERIES) == 0
    assert 200 <= client.xlen(sink_deliveries("hook")) <= 300
    consumer.behaviour = answering(422)
    publish_many(valkey, 1, first=900)
    forwarding.run()
    assert client.xlen(DELIVERIES) == 1
    assert delivery_attempts.newest(client, "hook", 1)[0].status == 422


def test_no_answer_is_stored_as_such_and_what_is_not_ours_is_passed_over(
    valkey: Valkey,
) -> None:
    forwarding = Forwarding(valkey, unheard_sink())
    (entry,) = publish(valkey, event(1))
    forwarding.run()
    valkey.client().xadd(DELIVERIES, {"a": b"\xc1"})
    valkey.client().xadd(DELIVERIES, {"x": entry})
    (attempt,) = delivery_attempts.of_events(valkey.client(), [entry], ["hook", "other"])
    assert (attempt.status, attempt.answer) == (0, b"")
    assert attempt.reason.startswith("no answer: ")


def test_attempts_that_cannot_be_written_hold_nothing_up(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    valkey.client().set(sink_deliveries("hook"), "not a stream")
    valkey.client().set(DELIVERIES, "not a stream")
    consumer.behaviour = answering(503)
    publish_many(valkey, 3)
    forwarding.run()
    assert (len(forwarding.retries()), forwarding.pending()) == (3, 0)


@pytest.mark.parametrize(("every", "stored"), [(0.0, 1), (60.0, 0)])
def test_while_answers_come_attempts_are_written_once_in_a_while(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch, every: float, stored: int
) -> None:
    monkeypatch.setattr(attempt_log, "EVERY", every)
    found = attempt_log.AttemptLog(valkey.client(), "hook")
    found.note([Item(Delivery("1-0", b"{}", 0), retry=False)], TAKEN, 5)
    found.write(soon=True)
    assert len(delivery_attempts.newest(valkey.client(), "hook")) == stored
    found.write()
    assert len(delivery_attempts.newest(valkey.client(), "hook")) == 1
