"""Where memory is short history goes before its time, and open work never."""

from typing import Any

import pytest
import redis

from receiver.config.settings import RedisStreamSink
from receiver.contract.redis_keys import DEAD_LETTERS, EVENTS, GROUP, INBOUND, REJECTED, SINKS
from tests.support.valkey import Valkey
from tests.workers.test_sweep import HOUR, NOW, SINK, add, ledger, read
from workers.maintenance import sweep
from workers.maintenance.sweep import Sweep, histories


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sweep gets on as far as it can, however slow the machine."""
    monkeypatch.setattr(sweep, "TRIM_SECONDS", 60.0)


def test_when_memory_is_short_the_oldest_history_goes_first(valkey: Valkey) -> None:
    client = valkey.client()
    read(client, INBOUND, GROUP, 0)
    for age, stream in enumerate((INBOUND, DEAD_LETTERS, REJECTED, EVENTS), 1):
        add(client, stream, 2000, at=NOW - age * HOUR, size=1000)
    client.xack(INBOUND, GROUP, *read(client, INBOUND, GROUP, 2000))
    Sweep(client).trim()  # so that its scripts are part of what is there
    _fill_to(client, 0.65)
    Sweep(client).trim()
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
    sweep.trim()
    assert client.xlen("company:events") == 500  # its own bound is the sink's to keep
    _fill_to(client, 5)
    sweep.trim()
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
    Sweep(client).trim()
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
    Sweep(client).trim()
    assert [client.xlen(name) for name in (INBOUND, EVENTS)] == [300, 300]


def _share(client: redis.Redis) -> float:
    memory: Any = client.info("memory")
    return float(memory["used_memory"] / memory["maxmemory"])


def _fill_to(client: redis.Redis, share: float) -> None:
    """Make `maxmemory` so small that what is there is this share of it."""
    memory: Any = client.info("memory")
    client.config_set("maxmemory", int(memory["used_memory"] / share))
