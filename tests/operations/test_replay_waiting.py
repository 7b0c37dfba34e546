"""A replay sends no event to a sink that is to get it anyway, and none that has been erased."""

from typing import Any

import pytest

from receiver.config.settings import RedisStreamSink
from receiver.contract.redis_keys import EVENTS, SINKS, retry_due, retry_items, sink_parking
from receiver.operations import sink_ledger
from receiver.operations.event_replay import AT_ONCE, PAGE, WAITING_MOST, Replay, Wanted
from tests.support.forwarding import Forwarding, publish_many
from tests.support.valkey import Valkey

SINK = RedisStreamSink(name="copy", stream="company")


@pytest.fixture
def forwarding(valkey: Valkey) -> Forwarding:
    return Forwarding(valkey, SINK)


def replayed(client: Any) -> tuple[int, int]:
    """How many events a replay of everything chooses, and how many of them it sends; a dry run
    says the same.
    """
    replay = Replay(client, SINK, Wanted(since=0, until=2**50))
    would = sum(one.new for one in replay.steps(dry=True))
    steps = list(replay.steps(dry=False))
    assert would == sum(one.new for one in steps)
    return sum(one.chosen for one in steps), sum(one.new for one in steps)


def arrived(client: Any) -> int:
    return int(client.xlen("company"))


def test_what_the_sink_has_not_read_yet_comes_once(valkey: Valkey, forwarding: Forwarding) -> None:
    client = forwarding.client
    publish_many(valkey, 3)
    forwarding.run()
    publish_many(valkey, 2 * PAGE, first=3)
    assert replayed(client) == (2 * PAGE + 3, 3)
    forwarding.run()
    assert arrived(client) == 2 * PAGE + 3 + 3
    (books,) = sink_ledger.read(client)
    assert (books.delivered, books.open, books.balanced) == (2 * PAGE + 6, 0, True)


def test_what_a_worker_of_the_sink_has_comes_once(valkey: Valkey, forwarding: Forwarding) -> None:
    client = forwarding.client
    publish_many(valkey, 5)
    assert len(forwarding.deliveries.lease(2)) == 2
    assert replayed(client) == (5, 0)
    forwarding.deliveries.recover()
    forwarding.run()
    assert arrived(client) == 5
    assert client.hget(SINKS, "copy:replayed") is None


def test_what_is_parked_comes_once_and_what_was_delivered_again(
    valkey: Valkey, forwarding: Forwarding
) -> None:
    client = forwarding.client
    publish_many(valkey, 5)
    forwarding.run()
    entries = [entry.decode() for entry, _ in client.xrange(EVENTS)]
    parked = {"total": 4, "returned": 2, "returned_to": entries[1], "to": entries[3]}
    client.hset(sink_parking("copy"), mapping=parked)
    assert replayed(client) == (5, 3)
    client.hset(sink_parking("copy"), "returned", 4)  # all of them have come back
    client.delete(retry_due("copy"), retry_items("copy"))  # all of them were delivered
    assert replayed(client) == (5, 5)


def test_without_a_group_of_the_sink_nothing_waits(valkey: Valkey) -> None:
    publish_many(valkey, 3)
    assert replayed(valkey.client()) == (3, 3)


def test_what_is_erased_while_it_waits_is_not_sent(valkey: Valkey, forwarding: Forwarding) -> None:
    client = forwarding.client
    publish_many(valkey, AT_ONCE + PAGE)
    forwarding.run()
    newest = client.xrevrange(EVENTS, count=1)[0][0]

    def erased(_why: str) -> None:
        client.xdel(EVENTS, newest)
        client.delete(retry_due("copy"), retry_items("copy"))

    wanted = Wanted(since=0, until=2**50)
    steps = list(Replay(client, SINK, wanted, erased).steps(dry=False))
    assert sum(one.new for one in steps) == AT_ONCE + PAGE - 1
    assert client.zcard(retry_due("copy")) == PAGE - 1
    assert client.zscore(retry_due("copy"), newest) is None


class Waits(Exception):
    """What a replay says when it waits."""


def test_nothing_more_is_handed_over_while_thousands_wait_already(
    valkey: Valkey, forwarding: Forwarding
) -> None:
    client = forwarding.client
    publish_many(valkey, 1)
    forwarding.run()
    later = 2**45
    client.zadd(retry_due("copy"), {f"1-{number}": later for number in range(WAITING_MOST)})

    def waits(why: str) -> None:
        raise Waits(why)

    def replayed() -> int:
        replay = Replay(client, SINK, Wanted(since=0, until=2**50), waits)
        return sum(one.new for one in replay.steps(dry=False))

    assert replayed() == 1
    client.zremrangebyrank(retry_due("copy"), 0, 0)
    client.delete(retry_items("copy"))
    client.zadd(retry_due("copy"), {"2-0": later})
    with pytest.raises(Waits, match=f"'copy' has {WAITING_MOST + 1} deliveries"):
        replayed()
