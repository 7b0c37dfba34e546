"""`python -m tests.chaos --seed 7 --seconds 60`; the exit code is 1 if anything went wrong."""

import argparse
import asyncio
import contextlib
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.chaos import guard
from tests.chaos.run import Wanted, run


def _told() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="default: the time, which the report names")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--rate", type=float, default=400, help="notifications a second")
    parser.add_argument("--faults", type=int, help="default: one in seven seconds, at least ten")
    parser.add_argument("--logs", type=Path, help="keep every process's log and every attempt")
    parser.add_argument("--without-spool", action="store_true")
    parser.add_argument("--alone", action="store_true", help="nothing beside the load")
    parser.add_argument("--without-limits", action="store_true", help="interruptions may be long")
    parser.add_argument("--into", type=Path, default=Path("docs/chaos"), help="for the report")
    return parser.parse_args()


def main() -> int:
    """Returns the exit status."""
    told = _told()
    guard.begin()
    signal.signal(signal.SIGTERM, _terminate)
    with _logs(told.logs) as directory:
        wanted = Wanted(
            seed=told.seed if told.seed is not None else int(time.time()),
            seconds=told.seconds,
            rate=told.rate,
            spool=not told.without_spool,
            alone=told.alone,
            limited=not told.without_limits,
            faults=told.faults or max(10, round(told.seconds / 7)),
            into=told.into,
            directory=directory,
        )
        result = asyncio.run(run(wanted, lambda line: print(line, file=sys.stderr)))
        if result.wrong:
            _keep(wanted.directory)
    verdict = result.verdict
    print(
        f"seed {result.seed}: {len(result.faults)} faults, {verdict['sent']:,} sent, "
        f"{verdict['acknowledged']:,} acknowledged, {verdict['published']:,} published, "
        f"lost {verdict['lost']}, duplicated {verdict['duplicated']}, "
        f"p99 in calm {result.measured.calm['p99']} ms, "
        f"longest interruption {result.measured.gap.seconds} s"
    )
    for words in result.wrong:
        print(f"chaos: {words}", file=sys.stderr)
    return 1 if result.wrong else 0


def _terminate(*_: object) -> None:
    """End as after an error, so that everything is ended and removed; that takes a moment, in which
    a second SIGTERM (`timeout` sends one to the process and one to its group) changes nothing.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(143)


@contextlib.contextmanager
def _logs(kept: Path | None) -> Iterator[Path]:
    if kept:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="chaos-") as directory:
        yield Path(directory)


def _keep(directory: Path) -> None:
    """What the processes said, for whoever looks for the fault."""
    for log in sorted(directory.glob("*.log")):
        print(f"--- {log.name}", file=sys.stderr)
        print("\n".join(log.read_text("utf-8", "replace").splitlines()[-30:]), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
