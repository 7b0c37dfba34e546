"""Dead letters are kept by owner: none pushes out another's."""

from collections import Counter
from typing import Any

import pytest
import redis

from receiver.contract.records import DeadLetter, decode_dead_letter, encode
from receiver.contract.redis_keys import DEAD_LETTER_OWNERS, DEAD_LETTERS, EVENTS, LEDGER
from tests.support.valkey import Valkey
from tests.workers.test_sweep import HOUR, NOW, add, ledger
from workers.maintenance import sweep
from workers.maintenance.sweep import DAY, History, Sweep

KEPT = History("dead", DEAD_LETTERS, 30 * DAY, 1000, owners=DEAD_LETTER_OWNERS)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sweep gets on as far as it can, however slow the machine."""
    monkeypatch.setattr(sweep, "TRIM_SECONDS", 60.0)


def bury(client: redis.Redis, sink: str, count: int, *, at: int = NOW) -> list[str]:
    """So many dead letters of a sink, of notifications where it has no name; their ids."""
    letter = DeadLetter(at, "why", b"", sink, b"{}" + b" " * 500, 1, "1-0")
    if not sink:
        letter = DeadLetter(at, "why", b"x" * 500)
    pipe: Any = client.pipeline(transaction=False)
    for _ in range(count):
        pipe.xadd(DEAD_LETTERS, {"d": encode(letter)}, id=f"{at}-*")
    return [entry.decode() for entry in pipe.execute()]


def left(client: redis.Redis) -> Counter[str]:
    entries: Any = client.xrange(DEAD_LETTERS)
    return Counter(decode_dead_letter(fields[b"d"]).sink for _, fields in entries)


def known(client: redis.Redis) -> dict[str, int]:
    """How many each owner has, as the sweep says."""
    found: Any = client.hgetall(DEAD_LETTER_OWNERS)
    return {k.decode(): int(v) for k, v in found.items() if k != b"indexed"}


def test_thousands_of_one_owner_push_out_none_of_another(valkey: Valkey) -> None:
    client = valkey.client()
    bury(client, "quiet", 10, at=NOW - HOUR)
    bury(client, "", 5, at=NOW - HOUR)
    old = bury(client, "loud", 4000, at=NOW - HOUR + 1)
    bury(client, "quiet", 3)
    new = bury(client, "loud", 500)
    Sweep(client, [KEPT]).trim()
    assert left(client) == {"quiet": 13, "": 5, "loud": 1000}
    entries: Any = client.xrange(DEAD_LETTERS, count=2000)
    ids = {entry.decode() for entry, _ in entries}
    assert {*old[-500:], *new} < ids
    assert ledger(client) == {"dead_trimmed": 3500}
    assert known(client) == {"sink:quiet": 13, "notifications": 5, "sink:loud": 1000}


def test_each_owner_has_its_own_bound_and_notifications_too(valkey: Valkey) -> None:
    client = valkey.client()
    for sink in ("a", "", "notifications"):
        bury(client, sink, 1200)
    for _ in range(2):
        Sweep(client, [KEPT]).trim()
        assert left(client) == {"a": 1000, "": 1000, "notifications": 1000}
    assert ledger(client) == {"dead_trimmed": 600}


def test_age_goes_before_number_and_counts_no_letter_twice(valkey: Valkey) -> None:
    client = valkey.client()
    bury(client, "a", 600, at=NOW - 31 * DAY)
    bury(client, "b", 600, at=NOW - 31 * DAY)
    bury(client, "a", 900)
    Sweep(client, [KEPT]).trim()
    assert (left(client), ledger(client)) == ({"a": 900}, {"dead_trimmed": 1200})
    assert known(client) == {"sink:a": 900}


def test_what_others_removed_costs_an_owner_nothing(valkey: Valkey) -> None:
    client: Any = valkey.client()
    ids = bury(client, "a", 1000)
    Sweep(client, [KEPT]).trim()
    client.xdel(DEAD_LETTERS, *ids[500:])
    bury(client, "a", 400)
    Sweep(client, [KEPT]).trim()
    assert (left(client), ledger(client)) == ({"a": 900}, {})
    assert known(client) == {"sink:a": 900}
    client.delete(DEAD_LETTERS)
    bury(client, "b", 3, at=NOW - DAY)  # a stream that begins anew, before where the other ended
    Sweep(client, [KEPT]).trim()
    assert known(client) == {"sink:b": 3}
    client.delete(DEAD_LETTER_OWNERS)
    Sweep(client, [KEPT]).trim()
    assert known(client) == {"sink:b": 3}
    client.delete(DEAD_LETTERS)
    Sweep(client, [KEPT]).trim()
    assert client.keys(f"{DEAD_LETTER_OWNERS}*") == []


def test_what_was_replayed_or_dropped_is_counted_no_more(valkey: Valkey) -> None:
    client = valkey.client()
    gone = bury(client, "a", 40)
    bury(client, "b", 3)
    Sweep(client).trim()
    client.xdel(DEAD_LETTERS, *gone[1:])
    bury(client, "c", 2)
    for _ in range(2):
        Sweep(client).trim()
    assert known(client) == {"sink:a": 1, "sink:b": 3, "sink:c": 2}
    assert ledger(client) == {}


def test_so_it_is_where_there_are_more_letters_than_are_looked_at_at_once(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "AT_ONCE", 50)
    client = valkey.client()
    bury(client, "b", 100)
    gone = bury(client, "a", 40)
    Sweep(client).trim()
    client.xdel(DEAD_LETTERS, *gone)
    Sweep(client).trim()
    assert known(client) == {"sink:b": 100}


def test_what_is_no_letter_of_ours_counts_as_a_notification(valkey: Valkey) -> None:
    client = valkey.client()
    for garbage in (b"", b"\xc1", b"\x94\x01\x02\x03\xa3a b", b"text"):
        client.xadd(DEAD_LETTERS, {"d": garbage})
    Sweep(client, [KEPT]).trim()
    assert known(client) == {"notifications": 4}
    assert client.hexists(LEDGER, "dead_trimmed") is False


def test_when_memory_is_short_the_largest_owner_gives_first(valkey: Valkey) -> None:
    client: Any = valkey.client()
    bury(client, "quiet", 50, at=NOW - 3 * HOUR)
    bury(client, "loud", 950, at=NOW - 2 * HOUR)
    add(client, EVENTS, 500, at=NOW - HOUR, size=500)
    events = History("events", EVENTS)
    Sweep(client, [KEPT, events]).trim()
    memory = client.info("memory")
    client.config_set("maxmemory", int(memory["used_memory"] / 0.63))
    Sweep(client, [KEPT, events]).trim()
    counts = left(client)
    assert counts["quiet"] == 50
    assert counts["loud"] < 950
    assert client.xlen(EVENTS) == 500
    client.config_set("maxmemory", int(client.info("memory")["used_memory"] / 5))
    Sweep(client, [KEPT, events]).trim()
    assert (client.xlen(EVENTS), client.xlen(DEAD_LETTERS)) == (0, 0)


def test_letters_that_are_older_than_what_was_indexed_are_counted_all_the_same(
    valkey: Valkey,
) -> None:
    """The stream is another one: a server's older data, or made anew."""
    client = valkey.client()
    client.hset(DEAD_LETTER_OWNERS, mapping={"indexed": f"{NOW + DAY}-0", "sink:gone": 7})
    bury(client, "a", 1200)
    Sweep(client, [KEPT]).trim()
    assert (left(client), known(client)) == ({"a": 1000}, {"sink:a": 1000})
