"""Watched messages in Redis: each script all or nothing, and safe to run again."""

from typing import Any

import pytest
import redis

from receiver.contract.redis_keys import WATCH, WATCH_COUNTS, WATCHES, watch_due
from receiver.polling import watch as watching
from receiver.polling import watch_store as store
from receiver.polling.watch import Step, Watch
from tests.support.valkey import Valkey


@pytest.fixture
def client(valkey: Valkey) -> redis.Redis:
    return valkey.client()


def now(client: redis.Redis) -> int:
    seconds, microseconds = client.time()
    return int(seconds * 1000 + microseconds // 1000)


def watched(client: redis.Redis, name: str = "SMS1", ago: float = 60.0) -> Watch:
    """A message whose watch began so many seconds ago."""
    watch = Watch(poll="promo", id=name, receipt="r", since=now(client) - round(ago * 1000))
    assert client.eval(*store.add(watch)) == 1
    return watch


def claim(client: redis.Redis) -> list[bytes]:
    found: Any = client.eval(*store.claim("promo", 10))
    assert abs(found[0] - now(client)) < 5000
    return list(found[1:])


def counts(client: redis.Redis) -> dict[str, int]:
    found: Any = client.hgetall(WATCH_COUNTS)
    return {name.decode(): int(count) for name, count in found.items()}


def test_a_message_is_watched_once_and_its_entry_goes_with_it(client: redis.Redis) -> None:
    entries: Any = [client.xadd(WATCH, {"id": "SMS1", "poll": "promo"}) for _ in range(2)]
    watch = Watch(poll="promo", id="SMS1", receipt="r", since=now(client))
    assert [client.eval(*store.add(watch, each.decode())) for each in entries] == [1, 0]
    assert client.xlen(WATCH) == 0
    assert counts(client) == {"promo:watched": 1}
    assert client.hlen(WATCHES) == client.zcard(watch_due("promo")) == 1


def test_it_is_first_due_20_seconds_after_its_beginning(client: redis.Redis) -> None:
    watched(client, "young", ago=10)
    old = watched(client, "old", ago=21)
    assert [watching.decode(each) for each in claim(client)] == [old]


def test_one_that_is_claimed_is_nobody_elses_until_it_is_settled_or_given_up(
    client: redis.Redis,
) -> None:
    watch = watched(client)
    assert claim(client)
    assert claim(client) == []
    due: Any = client.zscore(watch_due("promo"), watch.field)
    assert 80_000 < due - now(client) <= 90_000


def test_an_answer_is_written_whole_with_the_time_of_the_next(client: redis.Redis) -> None:
    watch = watched(client)
    (record,) = claim(client)
    step = watching.answered(watch, [], now(client))
    assert client.eval(*store.settle(watch, record, step)) == 1
    assert client.hget(WATCHES, watch.field) == watching.encode(step.watch)
    due: Any = client.zscore(watch_due("promo"), watch.field)
    assert 55_000 < due - now(client) <= 60_000
    assert counts(client) == {"promo:watched": 1, "promo:same": 1}


def test_of_two_that_settle_the_same_look_one_counts(client: redis.Redis) -> None:
    watch = watched(client)
    (record,) = claim(client)
    end = Step(watch=None, counts=("final",))
    assert [client.eval(*store.settle(watch, record, end)) for _ in range(2)] == [1, 0]
    assert counts(client) == {"promo:watched": 1, "promo:final": 1}
    assert client.hlen(WATCHES) == client.zcard(watch_due("promo")) == 0


def test_one_that_was_dropped_meanwhile_does_not_come_back(client: redis.Redis) -> None:
    watch = watched(client)
    (record,) = claim(client)
    assert client.eval(*store.settle(watch, record, Step(watch=None, counts=("dropped",)))) == 1
    late = watching.answered(watch, [], now(client))
    assert client.eval(*store.settle(watch, record, late)) == 0
    assert client.hlen(WATCHES) == client.zcard(watch_due("promo")) == 0


def test_a_due_time_without_a_record_is_forgotten(client: redis.Redis) -> None:
    client.zadd(watch_due("promo"), {"promo lost": 1})
    assert claim(client) == []
    assert client.zcard(watch_due("promo")) == 0


@pytest.mark.parametrize("key", [WATCH_COUNTS, watch_due("promo")])
def test_a_key_that_somebody_made_something_else_of_stops_all_of_it(
    client: redis.Redis, key: str
) -> None:
    watch = watched(client)
    (record,) = claim(client)
    client.delete(key)
    client.set(key, "x")
    end = Step(watch=None, counts=("final",))
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        client.eval(*store.settle(watch, record, end))
    assert client.hget(WATCHES, watch.field) == record


@pytest.mark.parametrize(("seconds", "due"), [(86_400, True), (660, False)])
def test_one_that_was_put_off_while_the_clock_was_ahead_is_due_now(
    client: redis.Redis, seconds: int, due: bool
) -> None:
    watch = watched(client)
    client.zadd(watch_due("promo"), {watch.field: now(client) + 1000 * seconds}, xx=True)
    assert [watching.decode(each) for each in claim(client)] == ([watch] if due else [])
