"""What ends everything a run has started once the run has ended, however that was: killed, too.

What a run starts has the run's mark in its environment, and what that starts inherits it.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Final

from tests.support.environ import ROOT, environment

_NAME: Final = "CHAOS"
_guards: Final[list[subprocess.Popen[bytes]]] = []


def begin() -> None:
    """Mark this process and so what it starts, and start the guard. To be called first of all: it
    begins the program anew, for a child has what this process was started with until it is its own
    program.
    """
    if _NAME not in os.environ:
        marked = os.environ | {_NAME: uuid.uuid4().hex}
        os.execve(sys.executable, sys.orig_argv, marked)  # noqa: S606 - no shell is wanted
    theirs, _ = os.pipe()  # our end is closed by the kernel, and by nobody before
    command = [sys.executable, "-m", "tests.chaos.guard", os.environ[_NAME]]
    # In a session of its own: what is sent to our process group must not reach it.
    guard = subprocess.Popen(
        command, stdin=theirs, cwd=ROOT, env=environment(), start_new_session=True
    )
    _guards.append(guard)
    os.close(theirs)


def mark() -> dict[str, str]:
    """Return what has to be in the environment of all that this process starts."""
    return {_NAME: os.environ[_NAME]}


def end_all(marked: str) -> None:
    """Kill whatever else carries this mark, until nothing does."""
    while found := _living(f"{_NAME}={marked}".encode()):
        for number in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        time.sleep(0.01)


def _living(variable: bytes) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if variable in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return [number for number in found if number != os.getpid()]


if __name__ == "__main__":
    sys.stdin.buffer.read()
    end_all(sys.argv[1])
