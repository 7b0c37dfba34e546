"""What an acknowledgement takes when more comes than can be taken: open loop, up to three times.

No generator on the same two processors offers three times what the door takes. So the door is made
slower, not the generators faster: the web process is stopped and continued so that it has an eighth
of a processor, and its bound on requests in flight is an eighth of the default. Latency counts from
the moment a request was due; a 429 is told apart.
"""

import argparse
import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from benchmarks.calm import Result, calm
from benchmarks.contenders import OURS, Running, door
from benchmarks.load import closed, opened
from benchmarks.processes import Process, valkey
from benchmarks.rounds import table

LOADS = (0.5, 1.0, 3.0)
"""Times the capacity."""
SHARE = 8
PERIOD = 0.008
IN_FLIGHT = 1024 // SHARE
GENERATORS = 3
CONNECTIONS = 256
"""Of each generator: together six times what may be in flight, so that none waits for another."""


def measure(seconds: float = 8) -> list[Result]:
    """The slow door's capacity in a closed loop, then every load; one result for each load."""
    with (
        valkey() as server,
        door(OURS, server, {"RECEIVER_MAX_IN_FLIGHT": str(IN_FLIGHT)}) as running,
        _slowed(running.process),
    ):
        closed(replace(running.target, first=1), IN_FLIGHT // 2, 3)
        target = replace(running.target, first=1_000_000)
        capacity = closed(target, IN_FLIGHT // 2, seconds)["rate"]
        return [
            {"capacity": capacity, "times": times}
            | calm(partial(_together, running, times * capacity, seconds))
            for times in LOADS
        ]


def report(results: list[Result]) -> str:
    """Load by load: who was let in and how long that took, who was not."""
    rows = [
        [
            f"{run['times']:g} x",
            f"{run['offered']:,.0f}",
            f"{run['admitted']:,.0f}",
            f"{run['p50']:.1f}",
            f"{run['p99']:.1f}",
            f"{run['refused_share']:.0%}",
            f"{run['refused_p99']:.1f}" if run["refused_share"] else "-",
            f"{run['late_p99']:.1f}",
            f"{run['bad']:.0f}",
        ]
        for run in results
    ]
    head = ["load", "offered/s", "admitted/s", "p50 ms", "p99 ms", "429", "429 p99 ms"]
    return table([*head, "sent late, p99 ms", "other failures"], rows)


def _together(running: Running, rate: float, seconds: float) -> Result:
    """Several generators at once; of their percentiles the worst."""
    with ThreadPoolExecutor(GENERATORS) as pool:
        targets = [replace(running.target, first=n * 3_000_000) for n in range(GENERATORS)]
        runs = [
            pool.submit(opened, target, rate / GENERATORS, CONNECTIONS, seconds)
            for target in targets
        ]
        found = [run.result() for run in runs]

    def total(name: str) -> float:
        return sum(one[name] for one in found)

    bad = total("non_2xx") - total("refused") + total("broken") + total("unanswered")
    worst = {name: max(one[name] for one in found) for name in ("p50", "p99", "late_p99")}
    return {
        "offered": rate,
        "admitted": (total("answered") - total("non_2xx")) / max(one["seconds"] for one in found),
        "refused_share": total("refused") / (total("answered") or 1),
        "refused_p99": max(one["refused_p99"] for one in found),
        "bad": bad,
        **worst,
    }


@contextlib.contextmanager
def _slowed(process: Process) -> Iterator[None]:
    """Give a process its share of a processor, a piece of every period."""
    ended = threading.Event()

    def slow() -> None:
        while not ended.is_set():
            os.kill(process.popen.pid, signal.SIGCONT)
            time.sleep(PERIOD / SHARE)
            os.kill(process.popen.pid, signal.SIGSTOP)
            time.sleep(PERIOD - PERIOD / SHARE)

    thread = threading.Thread(target=slow)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        os.kill(process.popen.pid, signal.SIGCONT)


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8)
    results = measure(parser.parse_args().seconds)
    print(f"capacity of the slow door: {results[0]['capacity']:,.0f}/s\n")
    print(report(results))


if __name__ == "__main__":
    main()
