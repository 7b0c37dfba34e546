"""What a dead worker of a sink left open and somebody deleted from the events stream meanwhile."""

from typing import Any

import pytest

from receiver.config.settings import RedisStreamSink
from receiver.contract.redis_keys import EVENTS, forward_group
from receiver.operations import sink_ledger
from tests.support.forwarding import Forwarding, publish_many
from tests.support.valkey import Valkey
from workers.forward.delivery_queue import lease_milliseconds

COPY = RedisStreamSink(name="copy", stream="company:events")
LONG = 2 * lease_milliseconds(5)


def left_open(valkey: Valkey, count: int, consumer: str) -> list[str]:
    """So many events that a worker of the sink has leased and done nothing with since."""
    forwarding = Forwarding(valkey, COPY, consumer=consumer)
    publish_many(valkey, count)
    entries: Any = [item.delivery.entry for item in forwarding.deliveries.lease(count)]
    client = forwarding.client
    client.xclaim(EVENTS, forward_group("copy"), consumer, 0, entries, idle=LONG, justid=True)
    return [str(entry) for entry in entries]


def outcomes(forwarding: Forwarding) -> tuple[int, int, int]:
    (books,) = sink_ledger.read(forwarding.client)
    assert books.balanced
    return books.delivered, books.dead, books.open


@pytest.mark.parametrize("consumer", ["dead", "one"])
def test_it_is_a_dead_letter_once(valkey: Valkey, consumer: str) -> None:
    entries = left_open(valkey, 4, consumer)
    one, two = (Forwarding(valkey, COPY, consumer=name) for name in ("one", "two"))
    one.client.xdel(EVENTS, entries[0], entries[2])
    for each in (one, two):
        each.run()
        assert outcomes(each) == (2, 2, 0)
    assert {letter.reason for letter in one.dead()} == {"deleted from the stream"}
    assert sorted(letter.entry for letter in one.dead()) == [entries[0], entries[2]]


def test_it_stays_open_while_the_worker_that_found_it_is_killed(valkey: Valkey) -> None:
    entries = left_open(valkey, 3, "dead")
    one, two = (Forwarding(valkey, COPY, consumer=name) for name in ("one", "two"))
    one.client.xdel(EVENTS, entries[0])
    assert len(one.deliveries.lease(10)) == 3  # and no more
    assert outcomes(one) == (0, 0, 3)
    two.run()
    assert outcomes(two) == (0, 1, 2)


def test_what_another_worker_has_at_hand_stays_with_it(valkey: Valkey) -> None:
    dead, one = (Forwarding(valkey, COPY, consumer=name) for name in ("dead", "one"))
    publish_many(valkey, 2)
    (first, _) = dead.deliveries.lease(2)
    one.client.xdel(EVENTS, first.delivery.entry)
    one.run()
    assert outcomes(one) == (0, 0, 2)
