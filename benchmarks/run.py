"""Everything, one after the other, into `benchmarks/RESULTS.md`: what `make bench` runs.

Each part is written as soon as it is measured, so a run that is interrupted keeps what it has;
`--only` measures some parts again, and `--render` none: the rest is what earlier runs have left;
`--print` keeps nothing. A part that fails is named at the end and leaves its earlier figures
standing.
"""

import argparse
import json
import signal
import subprocess
import sys
import time
from functools import partial

import redis

from benchmarks import contenders, readme, record
from benchmarks.parts import PARTS, Plan
from benchmarks.processes import ROOT, Failed
from benchmarks.report import render


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
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--only", default=",".join(PARTS), help="parts, of: " + ", ".join(PARTS))
    parser.add_argument("--render", action="store_true", help="measure nothing")
    parser.add_argument("--print", action="store_true", help="print the figures, keep none")
    said = parser.parse_args()
    names = [] if said.render else said.only.split(",")
    if unknown := [name for name in names if name not in PARTS]:
        parser.error(f"no such part: {', '.join(unknown)}")
    plan = Plan(said.rounds, said.seconds)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything started is stopped
    for why in contenders.present()[1].items() if names else ():
        print("{} is left out: {}".format(*why), flush=True)
    if said.print:
        print(json.dumps({name: PARTS[name].measure(plan) for name in names}, indent=2))
        return
    failed = _run(names, plan)
    render(record.parts(), ROOT / "benchmarks")
    readme.write()
    for name, error in failed.items():
        print(f"{name} failed, its figures are those of before: {error}", file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
