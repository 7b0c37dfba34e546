"""The child processes of `receiver up`: started, restarted, and stopped together."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from receiver.runtime import parent_death

LONGEST_PAUSE: Final = 10.0
"""Seconds between two starts of a child that keeps on ending."""
STEADY: Final = 30.0
"""Seconds after which an end counts as the first one again."""
REFUSED: Final = (2, 3)
"""Exit codes that say `I will not start like this`: ours, and uvicorn's."""


class Child:
    """Run one process in a group of its own: Ctrl-C reaches only the parent, which stops it.

    Main thread only (`parent_death.bound`).
    """

    def __init__(self, name: str, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
        self.name = name
        self.refused = False
        """It refused to start and said why: a restart would not help."""
        self._command = [sys.executable, "-m", *arguments]
        self._environ = environ
        self._pause = 0.0
        self._due: float | None = None
        self._start()

    def tend(self, say: Callable[[str], None]) -> None:
        """Restart the process if it has ended: at once, then after longer and longer pauses."""
        code = self._process.poll()
        if code is None:
            return
        if self._due is None:
            self.refused = code in REFUSED and self._pause == 0
            self._plan_start()
            if not self.refused:
                say(f"{self.name} ended ({_reason(code)}); it starts again in {self._pause:g} s")
        elif time.monotonic() >= self._due:
            self._start()

    def terminate(self) -> None:
        """Send SIGTERM to the process."""
        self._process.terminate()

    def wait(self, until: float) -> None:
        """Wait for its end until a monotonic time (s); then kill the process and its children."""
        try:
            self._process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _start(self) -> None:
        self._due = None
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            self._command,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            process_group=0,
            preexec_fn=parent_death.bound(),
        )

    def _plan_start(self) -> None:
        now = time.monotonic()
        steady = now - self._started > STEADY or self._pause == 0
        self._pause = 0.5 if steady else min(2 * self._pause, LONGEST_PAUSE)
        self._due = now + self._pause


def stop(children: Sequence[Child], within: float) -> None:
    """Stop all children at the same time; none is left after so many seconds."""
    until = time.monotonic() + within
    for child in children:
        child.terminate()
    for child in children:
        child.wait(until)


def _reason(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
