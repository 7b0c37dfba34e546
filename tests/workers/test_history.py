"""The history of the console's charts: a sample for each minute, however many sweeps there are."""

import time
from typing import Any

import msgspec
import pytest
import redis

from receiver.contract.records import Sample, decode_sample
from receiver.contract.redis_keys import (
    EVENTS,
    GROUP,
    HISTORY,
    INBOUND,
    LEDGER,
    METER,
    SINKS,
    forward_group,
    retry_due,
    sink_parking,
)
from receiver.metrics.counters import PUBLISHED, Counters
from tests.support.eventually import eventually
from tests.support.running import Receiver
from tests.support.valkey import Valkey
from workers.maintenance import history
from workers.maintenance.history import HistorySampler

MINUTE = 60_000
DAY = 24 * 60 * MINUTE


def entries(client: redis.Redis) -> list[tuple[int, Sample]]:
    found: Any = client.xrange(HISTORY)
    for entry, fields in found:
        assert entry.endswith(b"-0")
        assert list(fields) == [b"s"]
    return [(int(entry[:-2]), decode_sample(fields[b"s"])) for entry, fields in found]


def now(client: redis.Redis) -> int:
    seconds: Any = client.time()
    return int(seconds[0]) * 1000


def test_a_sample_has_the_counts_of_its_moment(valkey: Valkey) -> None:
    client = valkey.client()
    client.hset(LEDGER, mapping={"accepted": 2**40, "rejected": 4, "dead": 3})
    client.hset(SINKS, mapping={"a:failed_attempts": 5, "b:failed_attempts": 6, "b:dead": 9})
    for stream, group in ((INBOUND, GROUP), (EVENTS, forward_group("a"))):
        client.xgroup_create(stream, group, id="0", mkstream=True)
        for number in range(4):
            client.xadd(stream, {"x": "y"}, id=f"1-{number + 1}")
        client.xreadgroup(group, "one", {stream: ">"}, count=2)
    client.xack(INBOUND, GROUP, "1-1")
    client.xgroup_create(EVENTS, "reader-of-yours", id="0")
    client.zadd(retry_due("a"), {"1-9": 5})
    client.hset(sink_parking("a"), mapping={"total": 30, "returned": 10})
    counted = Counters()
    counted.times(PUBLISHED).all_took([0.001, 0.004, 0.004, 9999.0])
    client.eval(*counted.command())
    HistorySampler(client).run()
    ((at, sample),) = entries(client)
    assert 0 <= now(client) - at < MINUTE + 1000
    assert at % MINUTE == 0
    published = [1, 2, *[0] * 12, 1]
    assert sample == Sample(2**40, 4, 3, 11, 3, 4 + 1 + 20, published)


def test_of_any_number_of_sweeps_one_takes_the_sample_of_a_minute(valkey: Valkey) -> None:
    client = valkey.client()
    begun = now(client) // MINUTE
    for _ in range(3):
        HistorySampler(client).run()
        HistorySampler(client).run()
    assert len(entries(client)) == now(client) // MINUTE - begun + 1


def test_the_samples_of_48_hours_are_kept(valkey: Valkey) -> None:
    client = valkey.client()
    last = now(client) // MINUTE * MINUTE
    pipe = client.pipeline()
    for number in range(history.KEPT, 0, -1):
        pipe.xadd(HISTORY, {"s": "x"}, id=f"{last - number * MINUTE}-0")
    pipe.execute()
    HistorySampler(client).run()
    assert client.xlen(HISTORY) == history.KEPT == 48 * 60
    oldest: Any = client.xrange(HISTORY, count=1)
    assert int(oldest[0][0][:-2]) >= last - (history.KEPT - 1) * MINUTE


def test_a_clock_that_was_ahead_for_a_moment_costs_nothing_but_its_own_sample(
    valkey: Valkey,
) -> None:
    client = valkey.client()
    kept = now(client) - 5 * MINUTE
    client.xadd(HISTORY, {"s": msgspec.msgpack.encode([0] * 6 + [[]])}, id=f"{kept}-0")
    client.xadd(HISTORY, {"s": "of next week"}, id=f"{now(client) + 7 * DAY}-0")
    HistorySampler(client).run()
    assert [at == kept for at, _ in entries(client)] == [True, False]
    assert entries(client)[1][0] <= now(client)


@pytest.mark.parametrize("key", [HISTORY, LEDGER, INBOUND, SINKS, METER])
def test_a_key_of_another_program_costs_the_sample_and_not_the_sweep(
    key: str, valkey: Valkey
) -> None:
    client = valkey.client()
    client.set(key, "not ours")
    if key == INBOUND:
        client.xgroup_create(EVENTS, GROUP, mkstream=True)
    HistorySampler(client).run()
    assert client.get(key) == b"not ours"
    assert not client.exists(HISTORY) or key == HISTORY


def test_a_full_server_has_its_history_too(valkey: Valkey) -> None:
    client = valkey.client()
    client.config_set("maxmemory", 1)
    HistorySampler(client).run()
    assert client.xlen(HISTORY) == 1


def test_a_worker_takes_samples(receiver: Receiver, valkey: Valkey) -> None:
    receiver.start_worker()
    eventually(lambda: valkey.client().exists(HISTORY))
    ((at, sample),) = entries(valkey.client())[:1]
    assert time.time() * 1000 - at < 2 * MINUTE
    assert sample.accepted == 0
