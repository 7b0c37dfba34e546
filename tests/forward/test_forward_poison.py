"""A web hook that fails at some events for good: those that it takes come soon all the same."""

import json

import pytest

from tests.support.consumer import Behaviour, Consumer, answering
from tests.support.forwarding import Forwarding, http_sink, publish_many
from tests.support.valkey import Valkey
from workers.forward import delivery_queue

AGAIN = 16
"""As many repeated failures count for the circuit as one."""


def failing_at_every_second(status: int) -> Behaviour:
    return lambda request, _: status if int(request.headers["webhook-id"], 16) % 2 else 204


@pytest.mark.parametrize("status", [400, 500])
def test_events_come_though_many_others_fail_again_and_again(
    valkey: Valkey, consumer: Consumer, status: int
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1))
    consumer.behaviour = failing_at_every_second(status)
    publish_many(valkey, 80)
    forwarding.run()
    assert forwarding.count("delivered") == 40
    publish_many(valkey, 40, first=100)
    forwarding.later(3600)  # all that failed is due
    assert forwarding.count("delivered") == 60


def test_a_consumer_that_is_down_is_not_asked_for_each_event_that_it_failed_at_before(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1))
    consumer.behaviour = failing_at_every_second(500)
    publish_many(valkey, 500)
    forwarding.run()
    publish_many(valkey, 1, first=500)
    forwarding.later(0.01)  # taken after all that failed
    asked = len(consumer.requests)
    consumer.behaviour = answering(500)
    forwarding.later(3600)
    most = AGAIN * delivery_queue.FAILURES
    assert most - AGAIN <= len(consumer.requests) - asked <= most + 2
    assert b"open_until" in forwarding.state()


def test_new_events_and_retries_stand_in_a_batch_as_they_came_out(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, mode="batch", batch_size=100))
    consumer.behaviour = answering(500)
    publish_many(valkey, 5)
    forwarding.run()
    consumer.behaviour = answering(204)
    publish_many(valkey, 1, first=5)
    forwarding.run()
    publish_many(valkey, 5, first=6)
    forwarding.later(10)
    sent = [int(event["id"], 16) for event in json.loads(consumer.requests[-1].body)]
    assert sent == [*range(5), *range(6, 11)]


def test_as_many_as_it_may_fail_at_hold_back_nothing_while_memory_is_there(
    valkey: Valkey, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_queue, "MOST_RETRIES", 20)
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1))
    consumer.behaviour = failing_at_every_second(500)
    publish_many(valkey, 100)
    forwarding.run()
    publish_many(valkey, 100, first=100)
    forwarding.later(61)
    assert (forwarding.count("delivered"), len(forwarding.retries())) == (100, 100)


def test_past_its_part_of_memory_what_it_fails_at_holds_back_the_rest(
    valkey: Valkey, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_queue, "MOST_RETRIES", 20)
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1, share=0.001))
    consumer.behaviour = failing_at_every_second(500)
    publish_many(valkey, 100)
    forwarding.run()
    publish_many(valkey, 100, first=100)
    forwarding.later(61)
    assert forwarding.deliveries.held
    assert len(forwarding.retries()) < 100
    consumer.behaviour = answering(204)
    for _ in range(3):
        forwarding.later(3600)
    assert forwarding.count("delivered") == 200


def test_what_failed_has_half_of_the_turns_however_much_is_new(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1))
    consumer.behaviour = failing_at_every_second(500)
    publish_many(valkey, 80)
    forwarding.run()
    publish_many(valkey, 1000, first=100)
    forwarding.now += 3600
    leased = forwarding.deliveries.lease(20)
    assert [item.retry for item in leased] == [False] * 10 + [True] * 10
