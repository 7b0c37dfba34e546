"""Everything, one after the other, into `benchmarks/RESULTS.md`: what `make bench` runs.

Each part is written as soon as it is measured, so a run that is interrupted keeps what it has;
`--only` measures some parts again, and `--render` none: the rest is what earlier runs have left.
A part that fails is named at the end and leaves its earlier figures standing.
"""

import argparse
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import redis

from benchmarks import (
    ack,
    backlog,
    contenders,
    drain,
    endtoend,
    forward,
    latency,
    machine,
    memory,
    overload,
    readme,
    record,
    startup,
)
from benchmarks.calm import Result, calm
from benchmarks.contenders import BULLMQ, EMPTY, OURS, TEXTBOOK, WEBDIS, Contender
from benchmarks.processes import ROOT, Failed
from benchmarks.report import render
from benchmarks.rounds import interleave, values

BY_CONNECTIONS = (1, 4, 16, 64, 256)
OFFERED = (500, 1000, 2000, 4000, 6000, 8000, 10_000, 12_000)
BACKLOGS = (5_000, 20_000, 50_000, 200_000, 1_000_000)


@dataclass(frozen=True)
class Plan:
    """How much of everything."""

    rounds: int
    seconds: float


def _machine(_: Plan) -> Any:
    missing = contenders.present()[1]
    return {"report": machine.report(missing)}


def _ack(plan: Plan) -> Any:
    return interleave(ack.present(), plan.rounds, lambda each: ack.measure(each, 64, plan.seconds))


def _connections(plan: Plan) -> Any:
    return {
        each.letter: ack.by_connections(each, BY_CONNECTIONS, plan.seconds / 2)
        for each in contenders.present()[0]
    }


def _half(plan: Plan) -> Any:
    """At half of what ours acknowledges in the closed loop; the peer also at half of its own."""
    rates = {
        each: statistics.median(found) / 2
        for each in ("c", "e")
        if (found := values(record.figures()["ack"], each, "rate"))
    }

    def measure(contender: Contender) -> Result:
        rate = rates["c" if contender is latency.PEER_AT_HALF else "e"]
        return latency.offered(contender, [rate], plan.seconds)[0]

    return interleave(_here(EMPTY, OURS, BULLMQ, latency.PEER_AT_HALF), plan.rounds, measure)


def _offered(plan: Plan) -> Any:
    chosen = _here(EMPTY, TEXTBOOK, BULLMQ, WEBDIS, OURS)
    rates = {TEXTBOOK.letter: OFFERED[:2]}
    return {
        each.letter: latency.offered(each, rates.get(each.letter, OFFERED), plan.seconds / 2)
        for each in chosen
    }


def _lone(plan: Plan) -> Any:
    chosen = _here(EMPTY, BULLMQ, OURS)
    rounds = interleave(chosen, plan.rounds, lambda each: latency.lone(each, plan.seconds))
    return {
        "rounds": rounds,
        "with worker": calm(partial(latency.lone_with_worker, plan.seconds)),
        "store alone": calm(partial(latency.store_alone, plan.seconds)),
    }


def _drain(plan: Plan) -> Any:
    return interleave(drain.present(), plan.rounds, drain.measure)


def _forward(plan: Plan) -> Any:
    return interleave(forward.present(), plan.rounds, forward.measure)


def _backlogs(_: Plan) -> Any:
    """The peer's only as far as it is quickly filled."""
    sizes = {OURS: BACKLOGS, BULLMQ: BACKLOGS[:4]}
    return {
        each.letter: [calm(partial(drain.measure, each, size)) for size in sizes[each]]
        for each in _here(OURS, BULLMQ)
    }


def _cost(_: Plan) -> Any:
    return backlog.compare()


def _sustained(_: Plan) -> Any:
    return [calm(partial(endtoend.sustained, *each)) for each in ((8000, 60), (10_000, 20))]


def _receipt(plan: Plan) -> Any:
    return [calm(partial(endtoend.receipt_to_event, seconds=20)) for _ in range(plan.rounds)]


def _waiting(_: Plan) -> Any:
    return [memory.waiting()]


def _identities(_: Plan) -> Any:
    rates = [memory.identities(rate) for rate in memory.RATES]
    return {"rates": rates, "worker": memory.identities_through_the_worker()}


def _resident(_: Plan) -> Any:
    return memory.resident()


def _overload(plan: Plan) -> Any:
    return overload.measure(plan.seconds)


def _startup(plan: Plan) -> Any:
    return interleave(_here(EMPTY, TEXTBOOK, BULLMQ, OURS), plan.rounds, startup.measure)


class Part(NamedTuple):
    """One heading of the results."""

    measure: Callable[[Plan], Any]
    seconds: int
    """About how long it takes, as `make bench` does it."""


PARTS = {
    "machine": Part(_machine, 5),
    "ack": Part(_ack, 290),
    "half": Part(_half, 150),
    "lone": Part(_lone, 120),
    "drain": Part(_drain, 130),
    "forward": Part(_forward, 110),
    "sustained": Part(_sustained, 110),
    "receipt": Part(_receipt, 90),
    "overload": Part(_overload, 100),
    "cost": Part(_cost, 150),
    "waiting": Part(_waiting, 5),
    "identities": Part(_identities, 90),
    "resident": Part(_resident, 190),
    "startup": Part(_startup, 40),
    "connections": Part(_connections, 160),
    "offered": Part(_offered, 170),
    "backlogs": Part(_backlogs, 150),
}


def _here(*wanted: Contender) -> list[Contender]:
    return [each for each in wanted if not each.needs()]


def _run(names: list[str], plan: Plan) -> dict[str, Exception]:
    """Measure these parts, writing the results after each; returns what failed and why."""
    failed: dict[str, Exception] = {}
    begin, expected = time.monotonic(), 0
    for number, name in enumerate(names, 1):
        left = sum(PARTS[each].seconds for each in names[number - 1 :])
        took = time.monotonic() - begin
        pace = took / expected if expected else 1.0
        minutes = f"{took / 60:.0f} min gone, about {left * pace / 60:.0f} left"
        print(f"{name} ({number} of {len(names)}; {minutes}) ...", flush=True)
        try:
            record.take(name, partial(PARTS[name].measure, plan))
        except (Failed, OSError, subprocess.SubprocessError, redis.RedisError) as error:
            failed[name] = error
        expected += PARTS[name].seconds
        render(record.parts(), ROOT / "benchmarks")
    return failed


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--only", default=",".join(PARTS), help="parts, of: " + ", ".join(PARTS))
    parser.add_argument("--render", action="store_true", help="measure nothing")
    said = parser.parse_args()
    names = [] if said.render else said.only.split(",")
    if unknown := [name for name in names if name not in PARTS]:
        parser.error(f"no such part: {', '.join(unknown)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything started is stopped
    for why in contenders.present()[1].items() if names else ():
        print("{} is left out: {}".format(*why), flush=True)
    failed = _run(names, Plan(said.rounds, said.seconds))
    render(record.parts(), ROOT / "benchmarks")
    readme.write()
    for name, error in failed.items():
        print(f"{name} failed, its figures are those of before: {error}", file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
