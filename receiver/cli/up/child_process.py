"""The child processes of `receiver up`: started, restarted, and stopped together."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from receiver.runtime import hangup, parent_death
from receiver.runtime.child_process import ChildProcess

LONGEST_BACKOFF: Final = 10.0
"""Seconds, at most, between two starts of a child that ends again and again."""
STEADY_RUN: Final = 30.0
"""Seconds of running after which the backoff begins anew."""
REFUSED_TO_START: Final = (2, 3)
"""Exit codes of a process that refuses to start with its settings: ours, and uvicorn's."""


class Child(ChildProcess):
    """Run one process in a group of its own: Ctrl-C reaches only the parent, which stops it.

    Nothing runs until it is looked after, in the main thread (`parent_death.bound`).
    """

    def __init__(self, name: str, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
        self.refused = False
        """It refused to start and said why: a restart would not help."""
        self.name = name
        self._command = [sys.executable, "-m", *arguments]
        self._environ = environ
        super().__init__(self._popen, next_pause, group=True)

    def restart_if_ended(self, notify: Callable[[str], None]) -> None:
        """Start the process if it does not run: soon at first, then after longer pauses."""
        first = self.pause == 0
        try:
            code = self.poll()
        except OSError as error:
            why = f"{self.name} cannot be started ({error.strerror})"
            notify(f"{why}; it is tried again in {self.pause:g} s")
            return
        if code is None:
            return
        self.refused = first and code in REFUSED_TO_START
        if not self.refused:
            notify(f"{self.name} ended ({_reason(code)}); it starts again in {self.pause:g} s")

    def _popen(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self._command,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            process_group=0,
            preexec_fn=_prepared(),
        )


def stop_all(children: Sequence[Child], within: float) -> None:
    """Stop all children at the same time; those left after so many seconds are killed."""
    until = time.monotonic() + within
    for child in children:
        child.terminate()
    for child in children:
        child.wait(until)


def _prepared() -> Callable[[], None]:
    """Return a `preexec_fn`: ended with us, and SIGHUP waits until the process listens for it."""
    bind = parent_death.bound()

    def prepare() -> None:
        bind()
        hangup.put_off()

    return prepare


def next_pause(before: float, lived: float) -> float:
    """Return the seconds until the next start, from the pause before (0 at first) and the seconds
    that the process lived.
    """
    steady = lived > STEADY_RUN or before == 0
    return 0.5 if steady else min(2 * before, LONGEST_BACKOFF)


def _reason(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
