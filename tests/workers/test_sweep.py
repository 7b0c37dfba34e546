import time
from typing import Any

import pytest
import redis

from receiver.contract.redis_keys import (
    DEAD_LETTERS,
    DELIVERIES,
    EVENTS,
    GROUP,
    INBOUND,
    LEDGER,
    REJECTED,
)
from tests.support.valkey import Valkey
from workers.maintenance import sweep
from workers.maintenance.sweep import DAY, HISTORIES, History, Sweep

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
    Sweep(client, kept).trim()


def test_each_history_is_kept_for_its_time(valkey: Valkey) -> None:
    client = valkey.client()
    for history in HISTORIES:
        add(client, history.stream, 3, at=NOW - 31 * DAY)
        add(client, history.stream, 2)
    client.xack(INBOUND, GROUP, *read(client, INBOUND, GROUP, 5))
    Sweep(client).trim()
    left = {name: client.xlen(name) for name in (INBOUND, EVENTS, DEAD_LETTERS, REJECTED)}
    assert left == {INBOUND: 2, EVENTS: 2, DEAD_LETTERS: 2, REJECTED: 5}
    assert client.xlen(DELIVERIES) == 2
    assert ledger(client) == {
        "inbound_trimmed": 3,
        "events_trimmed": 3,
        "dead_trimmed": 3,
        "deliveries_trimmed": 3,
    }


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
    Sweep(client).trim()
    assert client.xlen(EVENTS) == 5
    assert ledger(client) == {"events_trimmed": 4, "events_unread_trimmed": 4}


def test_nothing_is_trimmed_before_the_group_that_holds_it_exists(valkey: Valkey) -> None:
    client = valkey.client()
    add(client, EVENTS, 5, at=NOW - HOUR)
    history = History("events", EVENTS, 1, 0, ("forward:other", SINK))
    entries = read(client, EVENTS, "forward:other", 5)
    for done in ([], entries):
        if done:
            client.xack(EVENTS, "forward:other", *done)
        run(client, history)
        assert client.xlen(EVENTS) == 5


def test_ids_that_no_double_holds_are_trimmed_behind_their_millisecond(valkey: Valkey) -> None:
    client = valkey.client()
    for number in (1, 2**53, 2**53 + 1):
        client.xadd(EVENTS, {"x": "x"}, id=f"{NOW - HOUR}-{number}")
    add(client, EVENTS, 2, at=NOW)
    client.xack(EVENTS, SINK, *read(client, EVENTS, SINK, 3))
    run(client, History("events", EVENTS, HOUR // 2, held_by=(SINK,)))
    assert client.xlen(EVENTS) == 2


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


def test_the_sweep_rings_while_a_notification_is_open(valkey: Valkey) -> None:
    client = valkey.client()
    queue = "rq:queue:receiver-normalise"
    Sweep(client).ring()
    assert client.llen(queue) == 0
    add(client, INBOUND, 1)
    Sweep(client).ring()
    assert client.llen(queue) == 1
    client.delete(queue)
    entries = read(client, INBOUND, GROUP, 1)
    Sweep(client).ring()
    assert client.llen(queue) == 1
    client.delete(queue)
    client.xack(INBOUND, GROUP, *entries)
    Sweep(client).ring()
    assert client.llen(queue) == 0
