"""A consumer that refuses: everything, and then it is down; or one event among others."""

import pytest

from receiver.cli.terminal.sink_table import state
from receiver.contract.redis_keys import refused_at
from receiver.operations import sink_ledger
from tests.support.consumer import Behaviour, Consumer, Handler, Request, answering
from tests.support.forwarding import Forwarding, http_sink, publish_many
from tests.support.valkey import Valkey
from workers.forward import delivery_queue

HOUR = 3600.0


def _refusing(*numbers: int) -> Behaviour:
    def behave(request: Request, _handler: Handler) -> int:
        return 422 if int(request.headers["webhook-id"], 16) in numbers else 204

    return behave


@pytest.mark.parametrize("mode", ["structured", "batch"])
def test_a_consumer_that_answers_404_to_everything_gets_it_all_once_it_accepts(
    valkey: Valkey, consumer: Consumer, mode: str
) -> None:
    waiting = 3000
    forwarding = Forwarding(valkey, http_sink(consumer, mode=mode))
    consumer.behaviour = answering(404)
    ids = publish_many(valkey, waiting)
    forwarding.run()
    for pause in (1.5, 2.5, 4.5, 8.5, 16.5, 32.5, 61, 61, 61):
        forwarding.later(pause)
    assert len(consumer.requests) < 200
    (books,) = sink_ledger.read(forwarding.client)
    assert (forwarding.dead(), books.dead, books.open) == ([], 0, waiting)
    assert state(books, ()).startswith("refuses everything (answered 404): ")
    assert books.balanced
    consumer.behaviour = answering(204)
    consumer.requests.clear()
    for _ in range(3):
        forwarding.later(HOUR)
    assert (forwarding.count("delivered"), forwarding.dead()) == (waiting, [])
    if mode == "structured":
        assert sorted(consumer.ids) == ids
    (books,) = sink_ledger.read(forwarding.client)
    assert (books.refused, books.failing, books.balanced) == ("", False, True)


def test_a_consumer_that_refuses_again_after_a_success_costs_none_of_what_waits(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1))
    publish_many(valkey, 200)
    taken = 0

    def one_in_a_hundred(_request: Request, _handler: Handler) -> int:
        nonlocal taken
        taken += 1
        return 204 if taken % 100 == 50 else 401

    consumer.behaviour = one_in_a_hundred
    for _ in range(150):
        forwarding.later(61)
    successes = forwarding.count("delivered")
    assert successes >= 2
    assert len(forwarding.dead()) <= delivery_queue.FAILURES * successes
    (books,) = sink_ledger.read(forwarding.client)
    assert books.balanced
    assert books.open >= 100


def test_an_event_that_is_refused_again_between_others_is_a_dead_letter(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1))
    consumer.behaviour = _refusing(3)
    publish_many(valkey, 10)
    forwarding.run()
    assert (forwarding.dead(), len(forwarding.retries())) == ([], 1)
    forwarding.later(5)
    (letter,) = forwarding.dead()
    assert (letter.reason, letter.attempts) == ("answered 422", 2)
    assert (forwarding.count("delivered"), forwarding.count("failed_attempts")) == (9, 2)
    assert forwarding.client.exists(refused_at("hook")) == 0


def test_a_refused_event_at_a_quiet_sink_waits_for_the_next_one(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    consumer.behaviour = _refusing(0)
    publish_many(valkey, 1)
    forwarding.run()
    forwarding.later(5)
    forwarding.later(10)
    assert (forwarding.dead(), len(forwarding.retries()), len(consumer.requests)) == ([], 1, 3)
    publish_many(valkey, 1, first=1)
    forwarding.run()
    forwarding.later(HOUR)
    assert [letter.reason for letter in forwarding.dead()] == ["answered 422"]


def test_a_refused_event_to_which_nothing_follows_is_given_up_in_the_end(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, give_up_hours=5))
    consumer.behaviour = answering(400)
    publish_many(valkey, 1)
    for _ in range(20):
        forwarding.later(HOUR)
    (letter,) = forwarding.dead()
    assert letter.reason == "given up: answered 400"


def test_more_bad_events_in_a_row_than_open_the_circuit_hold_up_none_that_is_wanted(
    valkey: Valkey, consumer: Consumer
) -> None:
    bad = 2 * delivery_queue.FAILURES
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1))
    consumer.behaviour = _refusing(*range(bad))
    publish_many(valkey, bad + 50)
    forwarding.run()
    assert forwarding.count("delivered") == 0
    for _ in range(bad):
        forwarding.later(61)
    assert forwarding.count("delivered") == 50
    assert len(forwarding.dead()) + len(forwarding.retries()) == bad
    for number in range(bad):
        publish_many(valkey, 1, first=1000 + number)
        forwarding.later(HOUR)
    assert len(forwarding.dead()) == bad
    assert forwarding.retries() == []


def test_failures_and_refusals_count_together_and_the_last_is_said(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1))
    answers = iter([404, 500] * 100)
    consumer.behaviour = lambda _request, _handler: next(answers)
    publish_many(valkey, 50)
    forwarding.run()
    asked = len(consumer.requests)
    assert asked <= delivery_queue.FAILURES + 2
    consumer.behaviour = answering(503)
    forwarding.later(2)
    (books,) = sink_ledger.read(forwarding.client)
    assert (books.failing, books.refused) == (True, "")
