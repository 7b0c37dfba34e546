"""Processor time per notification of each process, and what hosts of other sizes would take.

The model: a rate ends where a process has used up a processor, or all of them together have used
up the machine's. Valkey is one process with one thread; web processes and workers are as many as
there is room for. It knows of nothing else that processes share (caches, the disk), so it is held
against measurements on one processor and on two.
"""

import argparse
import json
import math
import os
from collections.abc import Callable
from dataclasses import replace
from itertools import product

from benchmarks import books, notifications
from benchmarks.calm import Result
from benchmarks.contenders import OURS, fresh
from benchmarks.footprint import cpu_seconds
from benchmarks.load import closed
from benchmarks.processes import Process, Server, until, valkey
from benchmarks.rounds import shown, table

CORES = (2, 4, 8, 16)
HOSTS = (1, 2, 4)
BACKLOG = 40_000
CONNECTIONS = 64


def measure(kind: str = "message", seconds: float = 4) -> Result:
    """Return microseconds of processor time for one notification: web, worker, and of Valkey to
    store it and to publish it.
    """
    with fresh(OURS, kind) as running:
        closed(replace(running.target, first=1), CONNECTIONS, 2)
        web, store = _spent(running.process), _spent(running.server.process)
        found = closed(replace(running.target, first=5_000_000), CONNECTIONS, seconds)
        count = found["answered"] * notifications.KINDS[kind].events
        cost = {"web": web() / count, "store": store() / count, "acknowledged": found["rate"]}
    with valkey() as server:
        books.fill(server, BACKLOG, kinds=(kind,))
        with books.worker(server) as process:
            return cost | _drained(server, process)


def _drained(server: Server, process: Process) -> Result:
    """Of the workers, without their start: the first tenth goes by before it counts."""
    until(lambda: books.unpublished(server.client) < 0.9 * BACKLOG, process, 60)
    worker, publish = _spent(process), _spent(server.process)
    count = books.unpublished(server.client)
    until(lambda: books.unpublished(server.client) == 0, process, 120)
    return {"worker": worker() / count, "publish": publish() / count}


def _spent(process: Process) -> Callable[[], float]:
    """Microseconds of processor time since this call."""
    before = cpu_seconds(process)
    return lambda: 1e6 * (cpu_seconds(process) - before)


def rate(cost: Result, cores: int, hosts: int = 0) -> float:
    """Return the notifications a second that are taken in and published: all on one machine of so
    many cores, or on so many hosts of this size beside Valkey's, each for web and worker alike.
    """
    redis = cost["store"] + cost["publish"]
    ours = cost["web"] + cost["worker"]
    if not hosts:
        return min(1e6 * cores / (redis + ours), 1e6 / redis)
    return min(1e6 * cores * hosts / ours, 1e6 / redis)


def pinned(cores: int, seconds: float = 5) -> Result:
    """Return what web process, worker and Valkey take together on so many processors, beside what
    the model says of their processor time: measured with a backlog that is drained while
    notifications come in as fast as they are acknowledged.
    """
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(before)[:cores]))
    try:
        return _together(seconds, cores)
    finally:
        os.sched_setaffinity(0, before)


def _together(seconds: float, cores: int) -> Result:
    with fresh(OURS) as running, books.warm_worker(running.server) as worker:
        client = running.server.client
        closed(replace(running.target, first=1), CONNECTIONS, 3)
        processes = (running.process, worker, running.server.process)
        spent, done = [_spent(each) for each in processes], books.outcomes(client)
        load = closed(replace(running.target, first=5_000_000), CONNECTIONS, seconds)
        published = books.outcomes(client) - done
        web, work, store = (each() for each in spent)
    return {
        "cores": cores,
        "acknowledged": load["rate"],
        "published": published / load["seconds"],
        "web": web / load["answered"],
        "worker": work / max(1, published),
        "store": store / load["answered"],
        "used": (web + work + store) / 1e6 / load["seconds"],
    }


def report(costs: dict[str, list[Result]], checks: list[Result]) -> str:
    """What each kind costs, what the model makes of it, and how it compares."""
    names = ("web", "worker", "store", "publish")
    rows = [
        [kind, *(shown([each[name] for each in rounds], 1) for name in names)]
        for kind, rounds in costs.items()
    ]
    head = ["us of processor for one", "web", "worker", "Valkey, to store", "to publish"]
    cost = {name: _middle(costs["message"], name) for name in names}
    predicted = [
        [f"{cores} cores", f"{rate(cost, cores):,.0f}"]
        + [f"{rate(cost, cores, hosts):,.0f}" for hosts in HOSTS]
        for cores in CORES
    ]
    places = ["messages a second", "all on one machine"] + [
        f"Valkey and {hosts} host{'s' * (hosts > 1)}" for hosts in HOSTS
    ]
    return "\n\n".join([table(head, rows), table(places, predicted), _checked(cost, checks)])


def _checked(cost: Result, checks: list[Result]) -> str:
    """Rates as they were, and as the costs of one at a time say for what was done of each."""
    rows = []
    for cores in sorted({int(each["cores"]) for each in checks}):
        some = [each for each in checks if each["cores"] == cores]
        taken, published = (_middle(some, name) for name in ("acknowledged", "published"))
        used = _middle(some, "used")
        model = taken * (cost["web"] + cost["store"]) + published * (
            cost["worker"] + cost["publish"]
        )
        figures = (f"{taken:,.0f}", f"{published:,.0f}", f"{used:.2f}", f"{model / 1e6:.2f}")
        rows.append([f"{cores}", *figures, f"{model / 1e6 / used - 1:+.0%}"])
    head = [
        "pinned to",
        "acknowledged/s",
        "published/s",
        "processors used",
        "by the model",
        "off by",
    ]
    return table(head, rows)


def _middle(rounds: list[Result], name: str) -> float:
    found = sorted(each[name] for each in rounds)
    return found[len(found) // 2] if found else math.nan


def collect(rounds: int, seconds: float = 4) -> tuple[dict[str, list[Result]], list[Result]]:
    """Return the costs of each kind, kind by kind within a round, and the checks."""
    costs: dict[str, list[Result]] = {kind: [] for kind in notifications.KINDS}
    for _, kind in product(range(rounds), costs):
        costs[kind].append(measure(kind, seconds))
    return costs, [pinned(cores, seconds) for _, cores in product(range(rounds), (1, 2))]


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    said = parser.parse_args()
    costs, checks = collect(said.rounds, said.seconds)
    print(json.dumps([costs, checks]))
    print(report(costs, checks))


if __name__ == "__main__":
    main()
