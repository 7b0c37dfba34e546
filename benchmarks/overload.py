"""What an acknowledgement takes when more comes than can be taken: open loop, up to three times.

No generator on the same two processors offers three times what the whole takes. So one half is made
slower, not the generators faster: stopped and continued, so that it has an eighth of a processor.

- `store`: Valkey, as a disk does it that cannot keep up. The web process has time to refuse, and is
  told to (`RECEIVER_MAX_IN_FLIGHT`) where the next one would wait too long.
- `door`: the web process itself. A no costs it half of a yes, so it says none, as by default: how
  many come at once is bounded by connections.

Latency counts from the moment a request was due; a 429 is told apart.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from benchmarks.calm import Result, calm
from benchmarks.contenders import OURS, Running, web_process
from benchmarks.load import closed, opened
from benchmarks.processes import Process, beside, valkey
from benchmarks.rounds import table

LOADS = (0.5, 1.0, 3.0)
"""Times the capacity."""
SHARE = 8
GENERATORS = 3


class Case(NamedTuple):
    """What is slowed, and how many may come at once."""

    slowed: str
    period: float
    """Seconds from one turn to the next."""
    in_flight: int
    connections: int
    """Of each generator."""


CASES = (
    Case("store", 0.08, 1024 // SHARE, 256),
    Case("door", 0.008, 4096 // SHARE, 4096 // SHARE // GENERATORS),
)


def measure(seconds: float = 8) -> list[Result]:
    """Return one result for each case and load."""
    return [result for case in CASES for result in _measure(case, seconds)]


def _measure(case: Case, seconds: float) -> list[Result]:
    """Return the capacity in a closed loop, then every load."""
    environ = {"RECEIVER_MAX_IN_FLIGHT": str(case.in_flight)}
    with valkey() as server, web_process(OURS, server, environ) as running:
        slow = running.process if case.slowed == "door" else server.process
        with _slowed(slow, case.period):
            closed(replace(running.target, first=1), case.in_flight, 3)
            target = replace(running.target, first=1_000_000)
            capacity = closed(target, case.in_flight, seconds)["rate"]
            return [
                {**case._asdict(), "times": times}
                | calm(partial(_together, case, running, times * capacity, seconds))
                for times in LOADS
            ]


def report(results: list[Result]) -> str:
    """Load by load: who was let in and how long that took, who was not."""
    rows = [
        [
            str(run["slowed"]),
            f"{run['in_flight']}",
            f"{run['times']:g} x",
            f"{run['offered']:,.0f}",
            f"{run['admitted']:,.0f}",
            f"{run['p50']:.0f}",
            f"{run['p99']:.0f}",
            f"{run['served_p99']:.0f}",
            f"{run['refused_share']:.0%}",
            f"{run['refused_p99']:.0f}" if run["refused_share"] else "-",
            f"{run['bad']:.0f}",
        ]
        for run in results
    ]
    head = ["slowed", "may be in flight", "load", "offered/s", "admitted/s", "p50 ms", "p99 ms"]
    head += ["p99 since it went out", "429", "429 p99 ms", "not answered in time"]
    return table(head, rows)


def _together(case: Case, running: Running, rate: float, seconds: float) -> Result:
    """Return several generators at once; of their percentiles the worst."""
    with ThreadPoolExecutor(GENERATORS) as pool:
        targets = [replace(running.target, first=n * 3_000_000) for n in range(GENERATORS)]
        runs = [
            pool.submit(opened, target, rate / GENERATORS, case.connections, seconds)
            for target in targets
        ]
        found = [run.result() for run in runs]

    def total(name: str) -> float:
        return sum(one[name] for one in found)

    bad = total("non_2xx") - total("refused") + total("broken") + total("unanswered")
    worst = {name: max(one[name] for one in found) for name in ("p50", "p99", "served_p99")}
    return {
        "offered": rate,
        "admitted": (total("answered") - total("non_2xx")) / max(one["seconds"] for one in found),
        "refused_share": total("refused") / (total("answered") or 1),
        "refused_p99": max(one["refused_p99"] for one in found),
        "bad": bad,
        **worst,
    }


@contextlib.contextmanager
def _slowed(process: Process, period: float) -> Iterator[None]:
    """Give a process its share of a processor, a piece of every period."""

    def slow(ended: threading.Event) -> None:
        while not ended.is_set():
            os.kill(process.popen.pid, signal.SIGCONT)
            time.sleep(period / SHARE)
            os.kill(process.popen.pid, signal.SIGSTOP)
            time.sleep(period - period / SHARE)

    try:
        with beside(slow):
            yield
    finally:
        os.kill(process.popen.pid, signal.SIGCONT)
