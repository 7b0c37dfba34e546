"""The console's pages on a large store, beside a loaded web process, and what that process notices.

    python -m benchmarks.console_store            # once: fills benchmarks/var/console-store
    python -m benchmarks.console [--rounds 5]

Each page is asked for again and again while ten viewers watch the live tail and notifications come
in; what a page takes is told by the clock and in processor time of the console, for the machine may
have other work. Rounds with the console and its viewers and rounds without them take turns.
"""

import json
from pathlib import Path
from typing import Any, Final

from benchmarks import record
from benchmarks.console_pages import pages, timed, transferred
from benchmarks.console_process import console
from benchmarks.console_store import KEPT, stored
from benchmarks.console_viewers import Viewers
from benchmarks.console_web import VIEWERS, loading, turns
from benchmarks.contenders import OURS, web_process
from benchmarks.footprint import megabytes
from benchmarks.options import options
from benchmarks.processes import python, running, valkey
from benchmarks.rounds import table

Result = dict[str, Any]


def measure(directory: Path, rounds: int, seconds: float) -> Result:
    """Measure the pages of a filled store without load and under load, and the web process with the
    console and its viewers and without them, in turns.
    """
    store = stored(directory)
    with valkey("everysec", directory) as server:
        workers = running(python("-m", "workers"), {"REDIS_URL": server.url})
        with (
            web_process(OURS, server) as started,
            workers,
            console(server, started.target) as found,
        ):
            addresses = pages(server, store)
            result: Result = {"first page": transferred(found)}
            result |= _told({"pages, no load": timed(found, addresses, 4 * rounds)})
            result |= _told(turns(found, started.target, rounds, seconds))
            viewers = Viewers(found.port, found.cookie(), VIEWERS, 3600)
            with loading(started.target):
                result |= _told({"pages, under load": timed(found, addresses, 4 * rounds)})
            result |= _told({"resident MB": round(megabytes(found.process), 1)})
            viewers.end()
            return result


def _told(part: Result) -> Result:
    """Print a part at once: a run that is interrupted loses only the part it was at."""
    print(json.dumps(part), flush=True)
    return part


def report(found: Result) -> str:
    """Return the figures as tables."""
    rows = [
        [name, *(f"{found[how][name][point]:,.1f}" for how in _HOW for point in _POINTS)]
        for name in found[_HOW[0]]
    ]
    head = ["page", *(f"{point} ms{end}" for end in ("", ", under load") for point in _POINTS)]
    others = {name: value for name, value in found.items() if name not in _HOW}
    return table(head, rows) + "\n\n" + json.dumps(others, indent=1)


_HOW: Final = ("pages, no load", "pages, under load")
_POINTS: Final = ("p50", "p95", "cpu")


def main() -> None:
    """Run from the command line."""
    said = options(__doc__, store=KEPT, rounds=5, seconds=10.0)
    print(report(record.take("console", lambda: measure(said.store, said.rounds, said.seconds))))


if __name__ == "__main__":
    main()
