"""What `settle.lua` does with outcomes that come late, or beside each other."""

from collections.abc import Iterator
from typing import Any

import pytest
from redis.exceptions import ResponseError

from receiver.contract.records import DeadLetter
from receiver.contract.redis_keys import sink_state
from tests.support.consumer import answering, consuming
from tests.support.forwarding import Forwarding, http_sink, publish_many
from tests.support.valkey import Valkey
from workers.forward import delivery_queue, outcomes
from workers.sinks.sink import Item


@pytest.fixture
def forwarding(valkey: Valkey) -> Iterator[Forwarding]:
    """A sink whose consumer refuses for now, by the hand of one worker."""
    with consuming() as consumer:
        consumer.behaviour = answering(500)
        yield Forwarding(valkey, http_sink(consumer, concurrency=1))


@pytest.mark.parametrize("what", ["retry", "again"])
def test_a_retry_that_is_settled_does_not_come_back(forwarding: Forwarding, what: str) -> None:
    """Two workers had it: one was slow, and its lease over."""
    publish_many(forwarding.valkey, 1)
    forwarding.run()
    forwarding.now += 3600
    (item,) = forwarding.deliveries.lease(10)
    before = forwarding.count("failed_attempts")
    late = {
        "retry": outcomes.retry(item, 1000, item.delivery, ""),
        "again": outcomes.again(item, item.delivery),
    }
    forwarding.deliveries.settle([outcomes.delivered(item, "+")])
    forwarding.deliveries.settle([late[what]])
    assert (forwarding.retries(), forwarding.count("delivered")) == ([], 1)
    assert forwarding.count("failed_attempts") == before


@pytest.mark.parametrize("more", [1, delivery_queue.FAILURES, 5 * delivery_queue.FAILURES])
def test_failures_that_were_under_way_when_the_circuit_opened_count_no_more(
    forwarding: Forwarding, more: int
) -> None:
    failed = outcomes.Outcome(True, "0-0", "-", "again", (0, b""))
    forwarding.deliveries.settle([failed] * delivery_queue.FAILURES)
    opened = forwarding.state()
    assert (opened[b"opened"], opened[b"failures"]) == (b"1", b"0")
    forwarding.deliveries.settle([failed] * more)
    assert forwarding.state() == opened


@pytest.mark.parametrize(("first", "second"), [(120, 5), (5, 120), (60, 60), (3600, 0)])
def test_of_two_pauses_the_longer_one_counts(
    forwarding: Forwarding, first: int, second: int
) -> None:
    for seconds in (first, second):
        forwarding.deliveries.settle([outcomes.pause(1000 * seconds)])
    until = int(forwarding.state()[b"open_until"])
    assert until == int(1000 * forwarding.now) + 1000 * max(first, second)


def test_a_try_that_failed_counts_as_one_and_what_was_not_tried_does_not(
    forwarding: Forwarding,
) -> None:
    publish_many(forwarding.valkey, 4)
    failed, again, dead, unsent = forwarding.deliveries.lease(10)
    letter = DeadLetter(1, "why", b"{}", "hook")
    counts = []
    for outcome in (
        outcomes.again(again, again.delivery),
        outcomes.unsent(unsent, letter),
        outcomes.retry(failed, 1000, failed.delivery, ""),
        outcomes.dead(dead, letter, ""),
    ):
        forwarding.deliveries.settle([outcome])
        counts.append(forwarding.count("failed_attempts"))
    assert counts == [0, 0, 1, 2]
    assert (forwarding.count("dead"), len(forwarding.dead())) == (2, 2)
    assert len(forwarding.retries()) == 2


def test_an_outcome_that_there_is_not_is_refused(forwarding: Forwarding) -> None:
    publish_many(forwarding.valkey, 1)
    (item,) = forwarding.deliveries.lease(10)
    eaten: Any = "eaten"
    with pytest.raises(ResponseError, match="no such outcome"):
        forwarding.deliveries.settle([outcomes.filtered(item)._replace(action=eaten)])
    assert forwarding.pending() == 1


def test_a_pause_that_a_clock_has_put_days_ahead_adds_nothing_to_the_next(
    forwarding: Forwarding,
) -> None:
    now = int(1000 * forwarding.now)
    forwarding.client.hset(sink_state("hook"), "paused_until", now + 86_400_000)
    forwarding.deliveries.settle([outcomes.pause(5000)])
    assert int(forwarding.state()[b"open_until"]) == now + 5000


def test_a_sink_that_takes_something_while_it_pauses_is_down_since_then(
    forwarding: Forwarding,
) -> None:
    """By that time what waits is given up: it was not down before."""
    failed = outcomes.Outcome(True, "0-0", "-", "again", (0, b""))
    forwarding.deliveries.settle([failed, outcomes.pause(600_000)])
    since = int(forwarding.state()[b"down_since"])
    forwarding.now += 60
    forwarding.deliveries.settle([failed._replace(circuit="+")])
    assert int(forwarding.state()[b"down_since"]) == since + 60_000


def test_a_sink_is_down_since_the_first_of_its_failures(forwarding: Forwarding) -> None:
    failed = outcomes.Outcome(True, "0-0", "-", "again", (0, b""))
    begun = int(1000 * forwarding.now)
    for _ in range(delivery_queue.FAILURES + 1):
        forwarding.deliveries.settle([failed])
        assert int(forwarding.state()[b"down_since"]) == begun
        forwarding.now += 60


def test_the_pauses_of_an_open_circuit_double_up_to_a_minute(forwarding: Forwarding) -> None:
    failed = outcomes.Outcome(True, "0-0", "-", "again", (0, b""))
    pauses = []
    for opened in (0, 1, 5, 6, 2_000):
        forwarding.client.hset(
            sink_state("hook"), mapping={"opened": opened, "failures": delivery_queue.FAILURES}
        )
        forwarding.client.hdel(sink_state("hook"), "open_until")
        forwarding.deliveries.settle([failed])
        pauses.append(int(forwarding.state()[b"open_until"]) - int(1000 * forwarding.now))
    assert pauses == [1000, 2000, 32_000, 60_000, 60_000]


def test_what_is_refused_twice_in_the_millisecond_of_a_success_waits_for_another_one(
    forwarding: Forwarding,
) -> None:
    publish_many(forwarding.valkey, 3)
    first, taken, last = forwarding.deliveries.lease(10)
    letter = DeadLetter(1, "answered 422", b"{}", "hook")

    def refused(item: Item) -> outcomes.Outcome:
        return outcomes.refused(item, 1000, item.delivery, letter)

    forwarding.deliveries.settle([refused(first), outcomes.delivered(taken, "+"), refused(last)])
    forwarding.deliveries.settle([refused(Item(last.delivery, retry=True))])
    assert (forwarding.count("dead"), len(forwarding.retries())) == (0, 2)


def test_a_pause_ends_the_probe_that_is_under_way(forwarding: Forwarding) -> None:
    publish_many(forwarding.valkey, 1)
    until = int(1000 * forwarding.now) + 1000
    probed = {"opened": 1, "open_until": until, "probing": "9-9"}
    forwarding.client.hset(sink_state("hook"), mapping=probed)
    forwarding.deliveries.settle([outcomes.pause(600_000)])
    assert (forwarding.deliveries.lease(10), forwarding.deliveries.held) == ([], True)
