"""What the metrics read: of a consumer group's oldest open entry, and how often they ask Redis."""

import time
from datetime import UTC, datetime
from typing import Any

from receiver.contract.redis_keys import (
    EVENTS,
    INBOUND,
    NORMALISE_QUEUE,
    SINKS,
    forward_group,
    forward_queue,
)
from receiver.metrics import snapshot
from receiver.metrics.sink_snapshot import Waiting
from receiver.runtime import scripts
from tests.support.valkey import Valkey

SCRIPT = scripts.load("receiver.metrics", "snapshot")


def waiting(client: Any) -> list[Any]:
    (length, groups) = client.eval(SCRIPT, 1, "a-stream")[1]
    return [length, *groups]


def test_the_oldest_entry_that_waits_is_the_first_open_or_else_the_first_undelivered(
    valkey: Valkey,
) -> None:
    client: Any = valkey.client()
    client.xgroup_create("a-stream", "g", id="0", mkstream=True)
    for moment in (1000, 2000, 3000):
        client.xadd("a-stream", {"a": "b"}, id=f"{moment}-0")
    assert waiting(client) == [3, [b"g", 3, 1000]]
    client.xreadgroup("g", "me", {"a-stream": ">"}, count=1)
    assert waiting(client) == [3, [b"g", 3, 1000]]
    client.xack("a-stream", "g", "1000-0")
    assert waiting(client) == [3, [b"g", 2, 2000]]
    client.xreadgroup("g", "me", {"a-stream": ">"})
    client.xack("a-stream", "g", "2000-0", "3000-0")
    assert waiting(client) == [3, [b"g", 0, 0]]


def test_what_came_in_before_any_worker_has_begun_waits(valkey: Valkey) -> None:
    """As on a platform where a deployment starts none by itself."""
    client: Any = valkey.client()
    assert snapshot.read(client).inbound == Waiting(0, 0.0)
    now = int(time.time() * 1000)
    for moment in (now - 90_000, now):
        client.xadd(INBOUND, {"a": "b"}, id=f"{moment}-0")
    inbound = snapshot.read(client).inbound
    assert inbound.entries == 2
    assert 90 <= inbound.oldest < 900


def commands(client: Any) -> int:
    """How many times Redis is waited for in one reading, as it counts them."""
    before = client.info("stats")["total_reads_processed"]
    snapshot.read(client)
    return int(client.info("stats")["total_reads_processed"] - before)


def test_sinks_are_read_together_each_with_its_own_counts_and_workers(valkey: Valkey) -> None:
    client: Any = valkey.client()
    names = [f"sink-{number}" for number in range(30)]
    asked = []
    for name in names:
        client.xgroup_create(EVENTS, forward_group(name), id="0", mkstream=True)
        client.hset(SINKS, mapping={f"{name}:begun": 0, f"{name}:delivered": name[5:]})
        if name in ("sink-0", "sink-29"):
            asked.append(commands(client))
    assert asked[1] - asked[0] <= 2  # a reading of many may come in more than one piece
    queue = forward_queue("sink-7")
    beats = {"rq:worker:a": time.time(), "rq:worker:b": time.time() - 3600}
    for worker, beat in beats.items():
        client.sadd(f"rq:workers:{queue}", worker)
        client.hset(worker, "last_heartbeat", datetime.fromtimestamp(beat, UTC).isoformat())
    client.set(f"rq:workers:{forward_queue('sink-8')}", "of another type")
    found = snapshot.read(client)
    assert [found.sinks[name].counts["delivered"] for name in names] == [*range(30)]
    assert [count for count in found.workers.values() if count] == [found.workers[queue]] == [1]


def test_a_worker_whose_hosts_clock_is_behind_lives(valkey: Valkey) -> None:
    client: Any = valkey.client()
    hours_ago = datetime.fromtimestamp(time.time() - 7200, UTC).isoformat()
    for worker, left in (("rq:worker:behind", 79), ("rq:worker:dead", 15)):
        client.sadd(f"rq:workers:{NORMALISE_QUEUE}", worker)
        client.hset(worker, "last_heartbeat", hours_ago)
        client.expire(worker, left)
    assert snapshot.read(client).workers[NORMALISE_QUEUE] == 1
