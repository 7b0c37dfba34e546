"""The http sink: what each answer of a consumer means to an event."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import msgspec
import pytest
import structlog
from redis.exceptions import ReadOnlyError

from receiver.contract.redis_keys import refused_at
from receiver.operations import sink_orders
from tests.support.consumer import Consumer, Handler, Request, answering, consuming
from tests.support.forwarding import Forwarding, event, http_sink, publish, publish_many
from tests.support.valkey import Valkey
from workers.forward import backoff


def _is(request: Request, number: int) -> bool:
    return int(request.headers["webhook-id"], 16) == number


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 599])
def test_a_consumer_in_trouble_gets_the_event_again_until_it_takes_it(
    valkey: Valkey, consumer: Consumer, status: int
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    publish(valkey, event(1))
    consumer.behaviour = answering(status)
    for attempt in range(1, 4):
        forwarding.later(3600)
        (waiting,) = forwarding.retries()
        assert (waiting.attempts, waiting.reason) == (attempt, f"answered {status}")
        assert forwarding.due() <= min(3600, backoff.FIRST * 2 ** (attempt - 1))
    consumer.behaviour = answering(204)
    forwarding.later(3600)
    assert len(set(consumer.ids)) == 1
    assert len(consumer.ids) == 4
    assert forwarding.retries() == []
    assert (forwarding.count("delivered"), forwarding.count("failed_attempts")) == (1, 3)


def test_what_is_not_due_is_not_sent(valkey: Valkey, consumer: Consumer) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    publish(valkey, event(1))
    consumer.behaviour = answering(503, Retry_After="120")
    forwarding.run()
    forwarding.later(119)
    assert len(consumer.requests) == 1
    forwarding.later(3600)
    assert len(consumer.requests) == 2


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_holds_the_whole_sink(valkey: Valkey, consumer: Consumer, form: str) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1))
    then = datetime.now(UTC) + timedelta(seconds=900)
    said = "900" if form == "seconds" else format_datetime(then, usegmt=True)
    consumer.behaviour = answering(429, Retry_After=said)
    publish(valkey, event(1))
    forwarding.run()
    assert 880 < forwarding.due() <= 900
    publish(valkey, event(2))
    forwarding.later(800)
    assert len(consumer.requests) == 1


def test_a_retry_after_that_is_a_time_is_meant_by_the_clock_of_the_consumer(
    valkey: Valkey, consumer: Consumer
) -> None:
    theirs = datetime.now(UTC) + timedelta(hours=2)

    def behave(_request: Request, handler: Handler) -> None:
        handler.send_response_only(503)
        handler.send_header("Date", format_datetime(theirs, usegmt=True))
        then = theirs + timedelta(seconds=900)
        handler.send_header("Retry-After", format_datetime(then, usegmt=True))
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    forwarding = Forwarding(valkey, http_sink(consumer))
    consumer.behaviour = behave
    publish(valkey, event(1))
    forwarding.run()
    assert 890 < forwarding.due() <= 900


def test_retry_after_is_capped(valkey: Valkey, consumer: Consumer) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    consumer.behaviour = answering(503, Retry_After="99999999999")
    publish(valkey, event(1))
    forwarding.run()
    assert forwarding.due() <= 3600


def test_a_retry_after_that_nobody_can_read_is_as_if_it_were_not_there(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    consumer.behaviour = answering(503, Retry_After="Mon, 01 Jan 2024 00:00:00 +99999999999999")
    publish(valkey, event(1))
    forwarding.run()
    (waiting,) = forwarding.retries()
    assert waiting.reason == "answered 503"


def test_an_event_that_cannot_be_asked_about_holds_nothing_back(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, mode="binary"))
    publish(valkey, event(1, **{"no header\n": "x"}), event(2))
    forwarding.run()
    assert consumer.ids == [event(2)["id"]]
    assert forwarding.retries() == []
    (letter,) = forwarding.dead()
    assert letter.reason == "not an event"


def test_after_72_hours_it_is_a_dead_letter_with_the_reason(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    consumer.behaviour = answering(500)
    (entry,) = publish(valkey, event(1))
    begun = forwarding.now
    while not forwarding.dead():
        forwarding.later(7200)
    (letter,) = forwarding.dead()
    assert 72 * 3600 <= forwarding.now - begun <= 78 * 3600
    assert (letter.sink, letter.entry, letter.notification) == ("hook", entry, b"")
    assert letter.reason == "given up: answered 500"
    assert letter.attempts == len(consumer.requests)
    assert msgspec.json.decode(letter.event) == event(1)
    assert forwarding.retries() == []
    assert forwarding.count("dead") == 1


@pytest.mark.parametrize("status", [400, 401, 404, 413, 422, 301, 302, 307, 308])
def test_a_refusal_is_a_dead_letter_where_the_consumer_takes_others(
    valkey: Valkey, consumer: Consumer, status: int
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1))
    with consuming() as elsewhere:
        refusing = answering(status, Location=elsewhere.url)
        consumer.behaviour = lambda request, handler: (
            refusing(request, handler) if _is(request, 1) else 204
        )
        publish_many(valkey, 2, first=1)
        forwarding.run()
        assert (forwarding.dead(), forwarding.count("delivered")) == ([], 1)
        forwarding.later(5)
        assert elsewhere.requests == []
    (letter,) = forwarding.dead()
    assert letter.reason.startswith(f"answered {status}")
    assert (letter.attempts, len(consumer.requests)) == (2, 3)
    assert (forwarding.retries(), forwarding.client.exists(refused_at("hook"))) == ([], 0)


def test_a_redirect_to_a_metadata_address_is_not_followed(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    consumer.behaviour = answering(302, Location="http://169.254.169.254/latest/meta-data/")
    publish(valkey, event(1))
    forwarding.run()
    (delivery,) = forwarding.retries()
    assert delivery.reason == "answered 302: redirects are not followed"


def test_one_bad_event_does_not_take_its_batch_with_it(valkey: Valkey, consumer: Consumer) -> None:
    def picky(request: Request, _handler: Handler) -> int:
        return 422 if event(3)["id"].encode() in request.body else 204

    consumer.behaviour = picky
    forwarding = Forwarding(valkey, http_sink(consumer, mode="batch"))
    publish_many(valkey, 10)
    forwarding.run()
    forwarding.later(5)
    (letter,) = forwarding.dead()
    assert msgspec.json.decode(letter.event)["id"] == event(3)["id"]
    assert letter.attempts == 2
    assert (forwarding.count("delivered"), forwarding.count("dead")) == (9, 1)


def test_410_stops_the_sink_and_keeps_the_events_until_it_is_started_again(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1))
    consumer.behaviour = answering(410)
    ids = publish_many(valkey, 5)
    forwarding.run()
    asked = len(consumer.requests)
    assert asked <= 2  # what was under way
    assert forwarding.state()[b"stopped"] == b"answered 410: it wants no more events"
    forwarding.later(24 * 3600)
    assert len(consumer.requests) == asked
    assert forwarding.dead() == []
    consumer.behaviour = answering(204)
    assert sink_orders.start(forwarding.client, "hook")
    forwarding.run()
    assert sorted(set(consumer.ids)) == ids
    assert forwarding.count("delivered") == 5


def test_a_dead_letter_is_said_once_and_not_before_it_is_one(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    publish(valkey, event(1, receiptid="0" * 27))
    consumer.behaviour = answering(400)
    forwarding.run()
    consumer.behaviour = answering(204)
    publish(valkey, event(2))
    forwarding.run()
    forwarding.now += 5

    def refuses_as_redis_does(_request: Request, _handler: Handler) -> int:
        valkey.client().replicaof("127.0.0.1", 1)
        return 400

    consumer.behaviour = refuses_as_redis_does
    with structlog.testing.capture_logs() as said:
        with pytest.raises(ReadOnlyError):
            forwarding.run()
        assert not [line for line in said if line["event"] == "delivery.dead"]
        valkey.client().replicaof("NO", "ONE")
        forwarding.run()
    (line,) = [line for line in said if line["event"] == "delivery.dead"]
    assert (line["receipts"], line["reason"]) == (["0" * 27], "answered 400")
    assert len(forwarding.dead()) == 1
