"""The http sink over time: its circuit, its beginning, its workers, its books."""

import time
from typing import Any

import pytest

from receiver.operations import sink_ledger
from tests.support.consumer import Consumer, Handler, Request, answering
from tests.support.forwarding import Forwarding, event, http_sink, publish, publish_many
from tests.support.valkey import Valkey
from workers.forward import delivery_queue


def test_the_circuit_opens_and_nothing_burns_while_it_is_open(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1))
    consumer.behaviour = answering(500)
    publish_many(valkey, 50)
    forwarding.run()
    asked = len(consumer.requests)
    assert delivery_queue.FAILURES <= asked <= delivery_queue.FAILURES + 2
    assert b"open_until" in forwarding.state()
    forwarding.run()
    assert len(consumer.requests) == asked
    assert forwarding.dead() == []


def test_half_open_lets_one_probe_through_and_waits_longer_each_time(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1))
    consumer.behaviour = answering(500)
    publish_many(valkey, 50)
    forwarding.run()
    asked = len(consumer.requests)
    for pause in (1, 2, 4, 8, 16, 32, 60, 60):
        forwarding.later(pause - 0.1)
        assert len(consumer.requests) == asked
        forwarding.later(0.2)
        asked += 1
        assert len(consumer.requests) == asked


def test_the_first_success_closes_the_circuit_and_everything_comes(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=4))
    consumer.behaviour = answering(500)
    ids = publish_many(valkey, 100)
    forwarding.run()
    consumer.behaviour = answering(204)
    forwarding.later(3600)
    forwarding.later(3600)
    assert sorted(set(consumer.ids)) == ids
    assert forwarding.count("delivered") == 100
    assert forwarding.state().keys() == {b"took_at"}


@pytest.mark.parametrize("trouble", [400, 500])
def test_a_probe_is_an_event_that_the_consumer_has_not_failed_at(
    valkey: Valkey, consumer: Consumer, trouble: int
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1))
    consumer.behaviour = answering(trouble)
    publish_many(valkey, 50)
    forwarding.run()
    for _ in range(30):
        forwarding.later(3600)  # the pause is over, and all that failed is due
    assert len(consumer.ids) >= delivery_queue.FAILURES + 30
    assert len(set(consumer.ids)) == len(consumer.ids)


@pytest.mark.parametrize("trouble", [410, 500])
def test_a_consumer_gone_for_good_holds_events_only_as_long_as_the_sink_tries(
    valkey: Valkey, consumer: Consumer, trouble: int
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1))
    forwarding.now = time.time()  # that of the entries' ids
    consumer.behaviour = answering(trouble)
    publish_many(valkey, 50)
    forwarding.run()
    asked = len(consumer.requests)

    def still_so_after(hours: int) -> None:
        soon = int(1000 * (forwarding.now + 3600 * hours + 30))
        if trouble == 500:  # a probe has just said so again
            forwarding.client.hset("receiver:sink:hook", "open_until", soon)
        forwarding.later(3600 * hours)

    still_so_after(71)
    assert forwarding.dead() == []
    still_so_after(2)
    letters = forwarding.dead()
    assert {letter.reason for letter in letters} == {
        "given up: nothing could be sent all the time it waited"
    }
    books = sink_ledger.read(forwarding.client)[0]
    assert books.balanced
    assert len(letters) + books.open == 50
    assert len(letters) >= 50 - delivery_queue.FAILURES - 2
    assert len(consumer.requests) == asked


def test_events_that_only_waited_for_a_worker_are_sent_however_old(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    forwarding.now = time.time() + 30 * 24 * 3600
    publish_many(valkey, 5)
    forwarding.run()
    assert forwarding.count("delivered") == 5


def test_a_new_sink_begins_with_what_comes_from_now_on(valkey: Valkey, consumer: Consumer) -> None:
    publish(valkey, event(1))
    forwarding = Forwarding(valkey, http_sink(consumer))
    publish(valkey, event(2))
    forwarding.run()
    assert consumer.ids == [event(2)["id"]]


def test_a_redis_that_lost_everything_is_taken_from_its_new_beginning(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    valkey.client().flushall()
    forwarding.now += 1
    publish(valkey, event(1))
    forwarding.run()
    assert consumer.ids == [event(1)["id"]]


def test_another_worker_takes_over_what_a_dead_one_left_but_not_what_a_live_one_holds(
    valkey: Valkey, consumer: Consumer
) -> None:
    dead = Forwarding(valkey, http_sink(consumer), consumer="dead")
    publish_many(valkey, 3)
    assert len(dead.deliveries.lease(10)) == 3
    other = Forwarding(valkey, http_sink(consumer), consumer="other")
    other.run()
    assert consumer.ids == []
    open_now: Any = other.client.xpending_range("receiver:events", "forward:hook", "-", "+", 10)
    entries: Any = [each["message_id"] for each in open_now]
    # As long as one exchange may take, it may still be under way.
    other.client.xclaim("receiver:events", "forward:hook", "dead", 0, entries, idle=20_000)
    other.run()
    assert consumer.ids == []
    other.client.xclaim("receiver:events", "forward:hook", "dead", 0, entries, idle=30_001)
    other.run()
    assert len(consumer.ids) == 3
    assert other.count("delivered") == 3


def test_the_books_of_a_sink_add_up(valkey: Valkey, consumer: Consumer) -> None:
    def mixed(request: Request, _handler: Handler) -> int:
        return (204, 204, 400, 500)[int(request.headers["webhook-id"], 16) % 4]

    consumer.behaviour = mixed
    forwarding = Forwarding(valkey, http_sink(consumer, where={"type": "sms.message.received.v1"}))
    publish_many(valkey, 40)
    publish(valkey, *(event(n, type="other") for n in range(100, 105)))
    forwarding.run()
    (books,) = sink_ledger.read(forwarding.client)
    assert (books.events, books.filtered, books.open) == (45, 5, len(forwarding.retries()))
    assert books.balanced
    publish_many(valkey, 5, first=200)
    assert sink_ledger.read(forwarding.client)[0].open == books.open + 5
    assert sink_ledger.read(forwarding.client)[0].balanced


def test_the_books_of_a_sink_add_up_after_redis_lost_everything(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    publish_many(valkey, 5)
    forwarding.run()
    valkey.client().delete("receiver:events")
    publish_many(valkey, 3, first=10)
    forwarding.run()
    (books,) = sink_ledger.read(forwarding.client)
    assert (books.events, books.delivered, books.balanced) == (8, 8, True)
