"""Web process and worker together: what they sustain, and how soon a notification is an event."""

import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any

from benchmarks import books
from benchmarks.calm import Result
from benchmarks.contenders import OURS, Running, web_process
from benchmarks.load import opened, percentile
from benchmarks.processes import Server, until, valkey
from receiver.contract.redis_keys import EVENTS

CONNECTIONS = 64
SAMPLE = 0.1
"""Seconds between two looks at the oldest open notification."""


def sustained(rate: float = 8000, seconds: float = 60) -> Result:
    """Measure arrivals at a fixed rate: how many were answered, and how old the oldest grew."""
    with (
        valkey() as server,
        books.warm_worker(server) as worker,
        web_process(OURS, server) as running,
    ):
        opened(replace(running.target, first=8_000_000), rate / 4, CONNECTIONS, 3)
        rewrites = _rewrites(server)
        ages, result = _watched(running, rate, seconds)
        rewrites = _rewrites(server) - rewrites
        begin = time.perf_counter()
        until(lambda: books.open_count(server.client) == 0, worker, 120)
        after = time.perf_counter() - begin
    summary = {"offered": rate, "oldest_max": max(ages), "oldest_p50": statistics.median(ages)}
    return result | summary | {"left_s": after, "rewrites": rewrites}


def receipt_to_event(rate: float = 100, seconds: float = 30) -> Result:
    """Measure from the last body byte (`receivedtime`) to the entry on the stream; both are in
    milliseconds.
    """
    with (
        valkey() as server,
        books.warm_worker(server) as worker,
        web_process(OURS, server) as running,
    ):
        opened(replace(running.target, first=1), rate, CONNECTIONS, 3)
        until(lambda: books.open_count(server.client) == 0, worker, 30)
        newest: Any = server.client.xrevrange(EVENTS, count=1)
        opened(replace(running.target, first=5_000_000), rate, CONNECTIONS, seconds)
        until(lambda: books.open_count(server.client) == 0, worker, 30)
        took = took_since(server, newest[0][0])
    points = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    return {"events": len(took), **{name: percentile(took, x) for name, x in points.items()}}


def took_since(server: Server, after: bytes) -> list[float]:
    """Return the milliseconds from receipt to event of all events after this entry, in order."""
    entries: Any = server.client.xrange(EVENTS, b"(" + after, "+")
    return sorted(_took(entry, fields[b"event"]) for entry, fields in entries)


def _watched(running: Running, rate: float, seconds: float) -> tuple[list[float], Result]:
    target = replace(running.target, first=1)
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(opened, target, rate, CONNECTIONS, seconds)
        ages = [0.0]
        while not load.done():
            ages.append(books.oldest_open(running.server.client))
            time.sleep(SAMPLE)
        return ages, load.result()


def _rewrites(server: Server) -> int:
    """Return how often Valkey has rewritten its log, for which it takes a whole processor."""
    return int(server.client.info("persistence")["aof_rewrites"])


def _took(entry: bytes, event: bytes) -> float:
    received = datetime.fromisoformat(json.loads(event)["receivedtime"])
    return int(entry.partition(b"-")[0]) - received.timestamp() * 1e3
