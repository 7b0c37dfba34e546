"""What processes take: processor time and resident memory, read from /proc (Linux only)."""

import contextlib
from pathlib import Path

from benchmarks.processes import Process, session

PROC = Path("/proc")


def cpu_seconds(process: Process) -> float:
    """Return the processor time so far, of every thread of the process and of those it started."""
    nanoseconds = 0
    for number in session(process.popen.pid):
        for task in (PROC / str(number) / "task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                nanoseconds += int(task.read_text().split()[0])
    return nanoseconds / 1e9


def megabytes(process: Process) -> float:
    """Return the resident memory of the largest of the process and those it started."""
    return max(resident_megabytes(process).values())


def resident_megabytes(process: Process) -> dict[int, float]:
    """Return the resident memory of the process and of those it started, by process id."""
    return {number: _resident(number) for number in session(process.popen.pid)}


def command_of(number: int) -> list[str]:
    """Return the command line of a process; empty where it has ended."""
    try:
        said = (PROC / str(number) / "cmdline").read_text().rstrip("\0")
    except OSError:
        return []
    return said.split("\0") if said else []


def _resident(number: int) -> float:
    try:
        lines = (PROC / str(number) / "status").read_text().splitlines()
    except OSError:
        return 0.0
    sizes = (line.split()[1] for line in lines if line.startswith("VmRSS:"))
    return int(next(sizes, "0")) / 1024
