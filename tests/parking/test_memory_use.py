"""How many of a sink's waiting events have to leave Redis: its share, and that of all together."""

from typing import Any

import pytest
from redis.client import Pipeline
from redis.exceptions import OutOfMemoryError

from receiver.config.settings import RedisStreamSink
from receiver.contract.redis_keys import EVENTS, forward_group
from receiver.operations.requeue import Requeue
from receiver.runtime import redis_client
from receiver.runtime.full_redis_client import FullRedisClient
from tests.parking.conftest import Made
from tests.support.erasing_parked import HER, HIS, erase
from tests.support.forwarding import Forwarding, event, publish, publish_many
from tests.support.parking import copied, copy_sink
from tests.support.valkey import Valkey
from workers.parking import memory_use
from workers.parking.memory_use import Use, excess, may_return

LIMIT = 1_000_000
"""`maxmemory`, in bytes."""


def sink(name: str, share: float = 20) -> RedisStreamSink:
    return RedisStreamSink(name=name, stream=name, share=share)


def use(waiting: int, retries: int = 0, event_bytes: float = 1_000) -> Use:
    return Use("1-0", waiting, 0, retries, event_bytes, False, False, "", "", 0, 0, {}, "", "")


@pytest.mark.parametrize(
    ("waiting", "retries", "leave"),
    [(0, 0, 0), (200, 0, 0), (201, 0, 11), (400, 0, 210), (100, 80, 0), (100, 96, 30), (3, 900, 3)],
)
def test_past_its_share_the_oldest_leave_and_a_little_more(
    waiting: int, retries: int, leave: int
) -> None:
    assert excess(sink("one"), {"one": use(waiting, retries)}, LIMIT) == leave


def test_a_redis_without_a_limit_is_never_full() -> None:
    assert excess(sink("one"), {"one": use(10**9)}, 0) == 0


def test_nine_dead_sinks_of_ten_wait_for_the_same_events_and_share_them() -> None:
    uses = {f"dead{n}": use(190) for n in range(9)} | {"live": use(1)}
    assert [excess(sink(name), uses, LIMIT) for name in uses] == [0] * 10


def test_where_all_together_take_more_than_half_the_furthest_behind_gives_way() -> None:
    """Shares of half each: one waits for 400 events, the retries of the other take a fifth."""
    uses = {"behind": use(400), "retries": use(100, 160)}
    assert excess(sink("behind", 50), uses, LIMIT) == 125
    assert excess(sink("retries", 50), uses, LIMIT) == 0


def test_the_furthest_behind_is_who_has_the_most_bytes_waiting() -> None:
    """Not who has the most events, or the smallest."""
    small = use(900, event_bytes=100)
    uses = {"small": small, "behind": use(400), "retries": use(100, 160)}
    assert excess(sink("behind", 50), uses, LIMIT) == 125
    assert excess(sink("small", 50), uses, LIMIT) == 0


def test_where_only_retries_are_left_their_size_is_that_of_their_events(valkey: Valkey) -> None:
    client = valkey.client()
    Forwarding(valkey, copy_sink())
    Requeue(client).send("copy", [(f"1-{n}", b"x" * 2_000) for n in range(3)], 0)
    publish_many(valkey, 1)  # or there is no stream
    client.xgroup_setid(EVENTS, forward_group("copy"), "$")
    found = memory_use.read(client, [copy_sink()])["copy"]
    assert (found.retries, found.waiting) == (3, 0)
    assert 2_000 < found.event_bytes < 3_000


@pytest.mark.parametrize(
    ("retries", "others", "may"),
    [(0, 10**6, True), (79, 0, True), (80, 0, False), (70, 120, True), (70, 131, False)],
)
def test_what_comes_back_takes_half_a_share_and_all_together_half_of_theirs(
    retries: int, others: int, *, may: bool
) -> None:
    """Or nine sinks that get their parked events at once would fill Redis with them."""
    uses = {"one": use(0, retries), "others": use(0, others)}
    assert may_return(sink("one"), uses, LIMIT) is may


@pytest.mark.parametrize(("retries", "may"), [(9_999, True), (10_000, False)])
def test_where_redis_has_no_limit_their_number_is_one(retries: int, *, may: bool) -> None:
    assert may_return(sink("one"), {"one": use(0, retries)}, 0) is may


def test_many_that_fail_hold_back_what_is_parked_no_more_than_their_memory_says() -> None:
    assert may_return(sink("one"), {"one": use(0, 20_000)}, 1_000 * LIMIT)


@pytest.mark.parametrize(("retries", "may"), [(39, True), (40, False)])
def test_sinks_whose_events_come_back_at_once_share_what_may_be_back(
    retries: int, *, may: bool
) -> None:
    parked = use(0, retries)._replace(total=1)
    uses = {"one": parked, "other": parked, "alive": use(0)}
    assert may_return(sink("one"), uses, LIMIT) is may


def test_what_waits_is_known_on_a_full_server_too(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full Redis 7.0 refuses every transaction; as a script its replies are not redis-py's."""
    execute = Pipeline.execute

    def refuse(self: Any, *args: Any) -> Any:
        if self.transaction:
            raise OutOfMemoryError
        return execute(self, *args)

    admin: Any = valkey.client()
    Forwarding(valkey, copy_sink())
    publish_many(valkey, 100)
    admin.xdel(EVENTS, admin.xrange(EVENTS)[50][0])  # or the server says how many they are
    admin.config_set("maxmemory", 1)
    with redis_client.client(valkey.url, kind=FullRedisClient) as client:
        monkeypatch.setattr(Pipeline, "execute", refuse)
        assert memory_use.read(client, [copy_sink()])["copy"].waiting == 99


@pytest.mark.parametrize("waiting", [5, 40])
def test_what_everybody_has_is_no_backlog_where_an_event_was_erased(
    valkey: Valkey, parking: Made, waiting: int
) -> None:
    """The server does not say how far behind a group is while an entry ahead of it is deleted."""

    def his(first: int, count: int) -> list[str]:
        made = [event(n, subject=HIS, data={"from": HIS}) for n in range(first, first + count)]
        publish(valkey, *made)
        return [one["id"] for one in made]

    sink = copy_sink(when_full="shed", share=20)
    forwarding = Forwarding(valkey, sink)
    shedding = parking(sink, directory=None)
    his(0, 2_000)
    forwarding.run()
    ids = his(2_000, waiting - 1)
    publish(valkey, event(3_000, subject=HER, data={"from": HER}))
    ids += his(4_000, 1)
    assert erase(shedding.client).undelivered == 1
    assert shedding.client.xinfo_groups(EVENTS)[0]["lag"] is None
    everything = 2_000 * shedding.use("copy").event_bytes
    shedding.client.config_set("maxmemory", int(4 * everything))  # of which its share is a fifth
    shedding.run()
    assert shedding.books().shed == 0
    assert shedding.use("copy").waiting == waiting
    forwarding.run()
    assert copied(forwarding.client)[2_000:] == ids
