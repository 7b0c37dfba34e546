"""What is remembered, and what it takes: Valkey per notification and identity, our processes."""

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import redis

from benchmarks import books, notifications
from benchmarks.calm import Result
from benchmarks.contenders import OURS, web_process
from benchmarks.footprint import megabytes
from benchmarks.load import opened
from benchmarks.processes import Process, Server, until, valkey
from receiver.contract.redis_keys import IDENTITIES

RATES = (1, 10, 100, 1000)
"""Notifications a second, day and night."""
FIRST_SETS = 1024
"""Into how many `publish.lua` splits a bucket that has none before it."""


def waiting(count: int = 100_000, kind: str = "message") -> Result:
    """Measure the bytes of Valkey per waiting notification; the goal is 1.2 times its body and
    100 bytes.
    """
    with valkey() as server:
        before = _used(server)
        books.fill(server, count, kinds=(kind,))
        each = (_used(server) - before) / count
    size = len(notifications.body(kind, 0))
    return {"count": count, "body": size, "bytes": each, "goal": 1.2 * size + 100}


def identities(rate: int, hours: int = 73, count: int = 1_000_000) -> Result:
    """Measure the bytes of Valkey per remembered identity at a steady rate, and on its first day.

    `publish.lua` splits a bucket into as many sets as the bucket before it asks for, and the first
    one blindly. A bucket of that rate, scaled down to `count` identities in sets of the same size.
    """
    bucket = rate * hours * 3600 // 3
    count = min(count, bucket)
    with valkey() as server:
        sets = _wanted(server, bucket, hours)
        return {
            "rate": rate,
            "bucket": bucket,
            "count": count,
            "sets": sets,
            "bytes": _taken(server, count, bucket / sets),
            "first_bytes": _taken(server, count, bucket / FIRST_SETS),
        }


def identities_through_the_worker(count: int = 1_000_000) -> Result:
    """Measure the same in a new installation, with identities that the worker claims: a check."""
    with valkey() as server, books.warm_worker(server) as worker:
        books.fill(server, count, kinds=("message",))
        books.ring(server)
        until(lambda: books.open_count(server.client) == 0, worker, 600)
        keys = _sets(server)
        remembered = sum(_each(server, "scard", keys))
        return {"count": remembered, "sets": len(keys), "bytes": _freed(server, keys) / remembered}


def resident(count: int = 1_000_000, rate: float = 6000) -> list[Result]:
    """Measure the resident memory of our processes while very many notifications pass."""
    samples = []
    with valkey() as server, books.worker(server) as worker, web_process(OURS, server) as running:
        target = replace(running.target, first=1)
        with ThreadPoolExecutor(1) as pool:
            load = pool.submit(opened, target, rate, 64, count / rate)
            while not load.done():
                samples.append(_sample(server, running.process, worker))
                time.sleep(1)
        until(lambda: books.open_count(server.client) == 0, worker, 120)
        samples.append(_sample(server, running.process, worker))
    return samples


def _sample(server: Server, web: Process, worker: Process) -> Result:
    """Return the megabytes of the largest process of each; supervisors are smaller."""
    return {
        "outcomes": books.outcomes(server.client),
        "web": megabytes(web),
        "worker": megabytes(worker),
    }


def _used(server: Server) -> int:
    return int(server.client.info("memory")["used_memory"])


def _wanted(server: Server, bucket: int, hours: int) -> int:
    """Return how many sets the script opens after a bucket of that size."""
    client: redis.Redis = server.client
    width = hours * 3600 // 3
    now = int(client.time()[0]) // width * width
    past = {"size": bucket, "sets": 1, "ends": now + hours * 3600}
    for what, value in past.items():
        client.hset(IDENTITIES, f"{now - width}:{what}", value)
    with books.warm_worker(server):
        return int(client.hget(IDENTITIES, f"{now}:sets") or 0)


def _taken(server: Server, count: int, per_set: float) -> float:
    """Measure the bytes per identity of so many, in sets of about that size, under names as long as
    the real ones.
    """
    server.client.flushall()
    sets = max(1, round(count / per_set))
    members: list[list[bytes]] = [[] for _ in range(sets)]
    for _ in range(count):
        members[secrets.randbelow(sets)].append(secrets.token_bytes(16))
    before = _used(server)
    ends = int(time.time()) + 350_000
    keys = [f"{IDENTITIES}:{ends}:{number}" for number in range(sets) if members[number]]
    with server.client.pipeline(transaction=False) as pipe:
        for key, digests in zip(keys, filter(None, members), strict=True):
            for begin in range(0, len(digests), 10_000):
                pipe.sadd(key, *digests[begin : begin + 10_000])
            pipe.expireat(key, ends)
        pipe.execute()
    return (_used(server) - before) / count


def _sets(server: Server) -> list[bytes]:
    return list(server.client.scan_iter(f"{IDENTITIES}:*", count=10_000))


def _each(server: Server, command: str, keys: list[bytes]) -> list[int]:
    with server.client.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.execute_command(command, key)  # type: ignore[no-untyped-call]
        return [int(each) for each in pipe.execute()]


def _freed(server: Server, keys: list[bytes]) -> int:
    """Return what is free once the keys are gone.

    Freed at once: Valkey hands what is large to a thread of its own, and counts it until then.
    """
    server.client.config_set("lazyfree-lazy-user-del", "no")
    before = _used(server)
    _each(server, "del", keys)
    return before - _used(server)
