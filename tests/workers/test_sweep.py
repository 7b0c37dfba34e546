import time
from typing import Any

import pytest
import redis

from receiver.config.settings import RedisStreamSink
from receiver.contract.redis_keys import (
    DEAD_LETTERS,
    EVENTS,
    GROUP,
    INBOUND,
    LEDGER,
    REJECTED,
    SINKS,
)
from tests.support.valkey import Valkey
from workers.maintenance import sweep
from workers.maintenance.sweep import DAY, HISTORIES, History, Sweep, histories

NOW = time.time_ns() // 1_000_000
HOUR = 3600 * 1000
SINK = "forward:billing"


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sweep gets on as far as it can, however slow the machine."""
    monkeypatch.setattr(sweep, "TRIM_SECONDS", 60.0)


def add(client: redis.Redis, stream: str, count: int, *, at: int = NOW, size: int = 10) -> None:
    """So many entries, all written at one moment."""
    pipe = client.pipeline(transaction=False)
    for number in range(count):
        pipe.xadd(stream, {"x": b"x" * size}, id=f"{at}-{number + 1}")
    pipe.execute()


def read(client: redis.Redis, stream: str, group: str, count: int) -> list[bytes]:
    """Have a consumer of the group read so many; returns their ids."""
    if group not in groups(client, stream):
        client.xgroup_create(stream, group, id="0", mkstream=True)
    if not count:
        return []
    found: Any = client.xreadgroup(group, "one", {stream: ">"}, count=count)
    return [entry for entry, _ in found[0][1]]


def groups(client: redis.Redis, stream: str) -> list[str]:
    found: Any = client.xinfo_groups(stream) if client.exists(stream) else []
    return [group["name"].decode() for group in found]


def ledger(client: redis.Redis) -> dict[str, int]:
    found: Any = client.hgetall(LEDGER)
    return {name.decode(): int(count) for name, count in found.items()}


def run(client: redis.Redis, *kept: History) -> None:
    Sweep(client, kept).run()


def test_each_history_is_kept_for_its_time(valkey: Valkey) -> None:
    client = valkey.client()
    for history in HISTORIES:
        add(client, history.stream, 3, at=NOW - 31 * DAY)
        add(client, history.stream, 2)
    client.xack(INBOUND, GROUP, *read(client, INBOUND, GROUP, 5))
    Sweep(client).run()
    left = {name: client.xlen(name) for name in (INBOUND, EVENTS, DEAD_LETTERS, REJECTED)}
    assert left == {INBOUND: 2, EVENTS: 2, DEAD_LETTERS: 2, REJECTED: 5}
    assert ledger(client) == {"inbound_trimmed": 3, "events_trimmed": 3, "dead_trimmed": 3}


@pytest.mark.parametrize("held", [INBOUND, EVENTS])
@pytest.mark.parametrize(("delivered", "done", "left"), [(0, 0, 9), (6, 2, 7), (6, 6, 3)])
def test_nothing_is_trimmed_that_a_group_has_still_to_do(
    held: str, delivered: int, done: int, left: int, valkey: Valkey
) -> None:
    client = valkey.client()
    add(client, held, 9, at=NOW - HOUR)
    for entry in read(client, held, SINK, delivered)[:done]:
        client.xack(held, SINK, entry)
    for history in (
        History("h", held, 1, held_by=(SINK,)),
        History("h", held, entries=0, held_by=(SINK,)),
    ):
        run(client, history)
        assert client.xlen(held) == left
    assert ledger(client).get("h_unread_trimmed") is None


def test_what_is_done_behind_something_open_stays_until_that_is_done(valkey: Valkey) -> None:
    client = valkey.client()
    add(client, INBOUND, 9, at=NOW - HOUR)
    first, *others = read(client, INBOUND, GROUP, 9)
    client.xack(INBOUND, GROUP, *others)
    history = History("inbound", INBOUND, 1, held_by=(GROUP,))
    run(client, history)
    assert client.xlen(INBOUND) == 9
    client.xack(INBOUND, GROUP, first)
    run(client, history)
    assert client.xlen(INBOUND) == 0


def test_every_sink_holds_the_history_without_being_named(valkey: Valkey) -> None:
    client = valkey.client()
    add(client, EVENTS, 9, at=NOW - 8 * DAY)
    for number, sink in enumerate(("forward:a", "forward:b"), 4):
        client.xack(EVENTS, sink, *read(client, EVENTS, sink, number))
    read(client, EVENTS, "foreward", 0)
    Sweep(client).run()
    assert client.xlen(EVENTS) == 5
    assert ledger(client) == {"events_trimmed": 4, "events_unread_trimmed": 4}


def test_nothing_is_trimmed_before_the_group_that_holds_it_exists(valkey: Valkey) -> None:
    client = valkey.client()
    add(client, EVENTS, 5, at=NOW - HOUR)
    read(client, EVENTS, "forward:other", 5)
    run(client, History("events", EVENTS, 1, 0, ("forward:other", SINK)))
    assert client.xlen(EVENTS) == 5


def test_the_number_is_bounded_whatever_a_node_holds(valkey: Valkey) -> None:
    client = valkey.client()
    add(client, EVENTS, 1234)
    run(client, History("events", EVENTS, entries=300))
    assert client.xlen(EVENTS) == 300
    assert ledger(client) == {"events_trimmed": 934}


def test_a_group_that_lags_holds_the_number_too(valkey: Valkey) -> None:
    client = valkey.client()
    add(client, EVENTS, 1000)
    client.xack(EVENTS, SINK, *read(client, EVENTS, SINK, 450))
    history = History("events", EVENTS, entries=300, held_by=(SINK,))
    run(client, history)
    assert client.xlen(EVENTS) == 550
    client.xack(EVENTS, SINK, *read(client, EVENTS, SINK, 550))
    run(client, history)
    assert client.xlen(EVENTS) == 300


def test_what_a_reader_of_the_company_had_not_read_is_counted(valkey: Valkey) -> None:
    client = valkey.client()
    add(client, EVENTS, 500)
    client.xack(EVENTS, "billing", *read(client, EVENTS, "billing", 130)[:120])
    client.xack(EVENTS, "reports", *read(client, EVENTS, "reports", 500))
    run(client, History("events", EVENTS, entries=200))
    assert client.xlen(EVENTS) == 200
    assert ledger(client) == {"events_trimmed": 300, "events_unread_trimmed": 180}


def test_each_reader_that_missed_an_event_is_counted(valkey: Valkey) -> None:
    client = valkey.client()
    add(client, EVENTS, 50)
    read(client, EVENTS, "a", 0)
    client.xack(EVENTS, "b", *read(client, EVENTS, "b", 20))
    run(client, History("events", EVENTS, entries=10))
    assert ledger(client)["events_unread_trimmed"] == 40 + 20


def test_one_call_cuts_no_more_than_it_may_and_the_sweep_goes_on(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = valkey.client()
    add(client, EVENTS, 4321, at=NOW - HOUR)
    history = History("events", EVENTS, HOUR // 2)
    with monkeypatch.context() as hurried:
        hurried.setattr(sweep, "AT_ONCE", 1000)
        hurried.setattr(sweep, "TRIM_SECONDS", 0.0)
        run(client, history)
    assert client.xlen(EVENTS) >= 3321
    run(client, history)
    assert client.xlen(EVENTS) == 0


def test_when_memory_is_short_the_oldest_history_goes_first(valkey: Valkey) -> None:
    client = valkey.client()
    read(client, INBOUND, GROUP, 0)
    for age, stream in enumerate((INBOUND, DEAD_LETTERS, REJECTED, EVENTS), 1):
        add(client, stream, 2000, at=NOW - age * HOUR, size=1000)
    client.xack(INBOUND, GROUP, *read(client, INBOUND, GROUP, 2000))
    Sweep(client).run()  # so that its scripts are part of what is there
    _fill_to(client, 0.65)
    Sweep(client).run()
    assert client.xlen(EVENTS) < 2000
    assert [client.xlen(name) for name in (INBOUND, DEAD_LETTERS, REJECTED)] == [2000] * 3
    assert _share(client) <= 0.6


def test_a_sinks_stream_on_our_own_redis_goes_too_when_memory_is_short_and_is_counted(
    valkey: Valkey,
) -> None:
    client = valkey.client()
    sinks = (
        RedisStreamSink(name="copy", stream="company:events", max_age_hours=1000),
        RedisStreamSink(name="again", stream="company:others", redis_url=valkey.url),
        RedisStreamSink(name="away", stream="company:away", redis_url="redis://other:1/0"),
        RedisStreamSink(name="wrong", stream="company:list"),
    )
    client.rpush("company:list", "of another type")
    for stream in ("company:events", "company:others", "company:away"):
        add(client, stream, 500, size=1000)
    read(client, "company:events", "reader", 100)
    sweep = Sweep(client, histories(sinks, valkey.url))
    sweep.run()
    assert client.xlen("company:events") == 500  # its own bound is the sink's to keep
    _fill_to(client, 5)
    sweep.run()
    left = {name: client.xlen(f"company:{name}") for name in ("events", "others", "away")}
    assert left == {"events": 0, "others": 0, "away": 500}
    counted: Any = client.hgetall(SINKS)
    assert counted == {
        b"copy:stream_trimmed": b"500",
        b"copy:stream_unread_trimmed": b"500",
        b"again:stream_trimmed": b"500",
    }
    assert ledger(client) == {}


def test_a_full_server_gives_up_every_history_and_counts_it(valkey: Valkey) -> None:
    client = valkey.client()
    for stream in (INBOUND, DEAD_LETTERS, REJECTED, EVENTS):
        add(client, stream, 500, size=1000)
    client.xack(INBOUND, GROUP, *read(client, INBOUND, GROUP, 500))
    _fill_to(client, 5)
    Sweep(client).run()
    assert [client.xlen(name) for name in (INBOUND, DEAD_LETTERS, REJECTED, EVENTS)] == [0] * 4
    assert ledger(client) == {
        f"{name}_trimmed": 500 for name in ("inbound", "dead", "rejected", "events")
    }


def test_when_memory_is_short_open_work_still_stays(valkey: Valkey) -> None:
    client = valkey.client()
    for stream, group in ((INBOUND, GROUP), (EVENTS, SINK)):
        add(client, stream, 500, size=1000)
        client.xack(stream, group, *read(client, stream, group, 200))
    _fill_to(client, 0.95)
    Sweep(client).run()
    assert [client.xlen(name) for name in (INBOUND, EVENTS)] == [300, 300]


def test_the_sweep_rings_while_a_notification_is_open(valkey: Valkey) -> None:
    client = valkey.client()
    queue = "rq:queue:receiver-normalise"
    Sweep(client).run()
    assert client.llen(queue) == 0
    add(client, INBOUND, 1)
    Sweep(client).run()
    assert client.llen(queue) == 1
    client.delete(queue)
    entries = read(client, INBOUND, GROUP, 1)
    Sweep(client).run()
    assert client.llen(queue) == 1
    client.delete(queue)
    client.xack(INBOUND, GROUP, *entries)
    Sweep(client).run()
    assert client.llen(queue) == 0


def _share(client: redis.Redis) -> float:
    memory: Any = client.info("memory")
    return float(memory["used_memory"] / memory["maxmemory"])


def _fill_to(client: redis.Redis, share: float) -> None:
    """Make `maxmemory` so small that what is there is this share of it."""
    memory: Any = client.info("memory")
    client.config_set("maxmemory", int(memory["used_memory"] / share))
