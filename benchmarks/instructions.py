"""Instructions of a web process for one request of each kind, ours and the empty endpoint's.

`python -m benchmarks.instructions`, by hand; wants `valgrind`. They are the same whatever else the
machine does, and hold none of the kernel's. Under valgrind a process is some fifty times slower,
so the 64 connections always wait for it, as they do where it is busy.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

from benchmarks import notifications
from benchmarks.contenders import EMPTY, OURS, Contender, web_process
from benchmarks.load import closed
from benchmarks.options import options
from benchmarks.processes import Process, valkey
from benchmarks.rounds import table

CONNECTIONS = 64
_CALLGRIND = (
    "valgrind",
    "--tool=callgrind",
    "--instr-atstart=no",
    "--callgrind-out-file=/dev/null",
)


def measure(contender: Contender, kind: str, seconds: float) -> float:
    """Return the instructions for one request, in thousands."""
    slowed = replace(contender, command=lambda *where: [*_CALLGRIND, *contender.command(*where)])
    with valkey() as server, web_process(slowed, server, {"PYTHONHASHSEED": "0"}, kind) as web:
        closed(web.target, CONNECTIONS, seconds)  # what is done once is done
        _count(web.process, "on")
        found = closed(replace(web.target, first=1_000_000), CONNECTIONS, seconds)
        _count(web.process, "off")
        web.process.popen.send_signal(signal.SIGTERM)
        web.process.popen.wait(30)
        total = re.search(r"Collected : (\d+)", web.process.tail())
    assert total
    return int(total[1]) / found["answered"] / 1000


def _count(process: Process, switch: str) -> None:
    command = ["callgrind_control", f"--instr={switch}", str(process.popen.pid)]
    named = {**os.environ, "HOST": "127.0.0.1"}  # as `web_process` has it: they meet by its name
    subprocess.run(command, env=named, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Run from the command line."""
    seconds = options(__doc__, seconds=20.0).seconds
    if not shutil.which("callgrind_control"):
        sys.exit("valgrind is not installed")
    rows = [
        [kind, *(f"{measure(each, kind, seconds):.0f}" for each in (EMPTY, OURS))]
        for kind in notifications.SINGLE
    ]
    print(table(["kind", "(a)", "(e)"], rows))


if __name__ == "__main__":
    main()
