"""Processor time per notification of each process (Linux only)."""

import math
import resource
from collections.abc import Callable
from dataclasses import replace

from benchmarks import books, notifications
from benchmarks.calm import Result
from benchmarks.contenders import OURS, fresh
from benchmarks.footprint import cpu_seconds
from benchmarks.load import Target, closed
from benchmarks.processes import Process, Server, until, valkey

BACKLOG = 40_000
CONNECTIONS = 64


def measure(kind: str = "message", seconds: float = 4) -> Result:
    """Return microseconds of processor time for one notification: web, worker, and of Valkey to
    store it and to publish it; `load` is what the load generator takes.
    """
    with fresh(OURS, kind) as running:
        closed(replace(running.target, first=1), CONNECTIONS, 2)
        web, store = spent(running.process), spent(running.server.process)
        found = loaded(replace(running.target, first=5_000_000), seconds)
        count = found["answered"] * notifications.KINDS[kind].events
        cost = {"web": web() / count, "store": store() / count, "load": found["load"]}
        cost["acknowledged"] = found["rate"]
    with valkey() as server:
        books.fill(server, BACKLOG, kinds=(kind,))
        with books.worker(server) as process:
            return cost | _drained(server, process)


def _drained(server: Server, process: Process) -> Result:
    """Measure the workers without their start: the first tenth goes by before it counts."""
    until(lambda: books.unpublished(server.client) < 0.9 * BACKLOG, process, 60)
    worker, publish = spent(process), spent(server.process)
    count = books.unpublished(server.client)
    until(lambda: books.unpublished(server.client) == 0, process, 120)
    return {"worker": worker() / count, "publish": publish() / count}


def spent(process: Process) -> Callable[[], float]:
    """Return a function that returns the microseconds of processor time since this call."""
    before = cpu_seconds(process)
    return lambda: 1e6 * (cpu_seconds(process) - before)


def loaded(target: Target, seconds: float, connections: int = CONNECTIONS) -> Result:
    """Return what a closed loop did, and under `load` what it took itself for one request."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = closed(target, connections, seconds)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return found | {"load": 1e6 * own / found["answered"]}


def middle(rounds: list[Result], name: str) -> float:
    """Return the median of one figure, the greater of two; NaN of none."""
    found = sorted(each[name] for each in rounds)
    return found[len(found) // 2] if found else math.nan
