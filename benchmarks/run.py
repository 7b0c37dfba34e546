"""Everything, one after the other, into `benchmarks/RESULTS.md`: what `make bench` runs.

The raw figures go to `benchmarks/results/raw.json` part by part; `--only` measures some parts again
and `--render` none: the rest is taken from there.
"""

import argparse
import json
import signal
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

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
    startup,
)
from benchmarks.calm import Result, calm
from benchmarks.contenders import BULLMQ, EMPTY, OURS, TEXTBOOK, WEBDIS, Contender
from benchmarks.report import render
from benchmarks.rounds import interleave, values

HERE = Path(__file__).resolve().parent
RAW = HERE / "results" / "raw.json"
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
    return {"report": machine.report(missing), "date": time.strftime("%Y-%m-%d", time.gmtime())}


def _ack(plan: Plan) -> Any:
    return interleave(ack.present(), plan.rounds, lambda each: ack.measure(each, 64, plan.seconds))


def _connections(plan: Plan) -> Any:
    short = plan.seconds / 2
    return {
        each.letter: [
            [count, calm(partial(ack.measure, each, count, short))["rate"]]
            for count in BY_CONNECTIONS
        ]
        for each in contenders.present()[0]
    }


def _half(plan: Plan) -> Any:
    """At half of what ours acknowledges in the closed loop; the peer also at half of its own."""
    rates = {
        each: statistics.median(found) / 2
        for each in ("c", "e")
        if (found := values(_raw()["ack"], each, "rate"))
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
    return {"rounds": rounds, "with worker": calm(partial(latency.lone_with_worker, plan.seconds))}


def _drain(plan: Plan) -> Any:
    return interleave(drain.present(), plan.rounds, drain.measure)


def _forward(plan: Plan) -> Any:
    return interleave(forward.present(), plan.rounds, forward.measure)


def _backlogs(_: Plan) -> Any:
    return [calm(partial(drain.measure, OURS, size)) for size in BACKLOGS]


def _cost(_: Plan) -> Any:
    return backlog.compare()


def _sustained(_: Plan) -> Any:
    return [calm(partial(endtoend.sustained, rate, 60)) for rate in (8000, 10_000)]


def _receipt(plan: Plan) -> Any:
    return [calm(endtoend.receipt_to_event) for _ in range(plan.rounds)]


def _waiting(_: Plan) -> Any:
    return [memory.waiting()]


def _identities(_: Plan) -> Any:
    return [memory.identities(count) for count in (10_000, 100_000, 1_000_000)]


def _resident(_: Plan) -> Any:
    return memory.resident()


def _startup(plan: Plan) -> Any:
    return interleave(_here(EMPTY, TEXTBOOK, BULLMQ, OURS), plan.rounds, startup.measure)


PARTS: dict[str, Callable[[Plan], Any]] = {
    "machine": _machine,
    "ack": _ack,
    "half": _half,
    "lone": _lone,
    "drain": _drain,
    "forward": _forward,
    "sustained": _sustained,
    "receipt": _receipt,
    "cost": _cost,
    "waiting": _waiting,
    "identities": _identities,
    "resident": _resident,
    "startup": _startup,
    "connections": _connections,
    "offered": _offered,
    "backlogs": _backlogs,
}


def _here(*wanted: Contender) -> list[Contender]:
    return [each for each in wanted if not each.needs()]


def _raw() -> dict[str, Any]:
    return dict(json.loads(RAW.read_text("utf-8"))) if RAW.exists() else {}


def _keep(name: str, figures: Any) -> None:
    RAW.parent.mkdir(exist_ok=True)
    RAW.write_text(json.dumps(_raw() | {name: figures}, indent=1) + "\n", "utf-8")


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--only", default=",".join(PARTS), help="parts, of: " + ", ".join(PARTS))
    parser.add_argument("--render", action="store_true", help="measure nothing")
    said = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything started is stopped
    for name in () if said.render else said.only.split(","):
        print(f"{name} ...", flush=True)
        _keep(name, PARTS[name](Plan(said.rounds, said.seconds)))
    render(_raw(), HERE)


if __name__ == "__main__":
    main()
