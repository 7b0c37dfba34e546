"""Writes log lines to stderr without waiting for ever for its reader.

A pipe, a socket or a terminal that nobody reads fills up, and an ordinary write then blocks: with
it every connection of a web process, or every event of a worker.
"""

import os
import select
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

PATIENCE: Final = 0.5
"""Seconds that a write waits for a slow reader. After that lines are lost, and counted, until it
reads again."""
STDERR: Final = 2


class LogOutput:
    """Write lines to stderr, or drop and count them. Writing raises nothing."""

    def __init__(self) -> None:
        self._write: Callable[[bytes], int] = partial(os.write, STDERR)
        self._may_block = False
        """Whether a write may block: then `_writable` is polled before each."""
        self._writable = select.poll()
        self._lost = 0

    def open(self, descriptor: int = STDERR) -> None:
        """Prepare to write to what stderr is. Call it once in a process, before anything is
        logged.
        """
        self._write = partial(os.write, descriptor)
        with suppress(OSError):  # it is closed
            mode = os.fstat(descriptor).st_mode
            self._writable.register(descriptor, select.POLLOUT)
            if stat.S_ISFIFO(mode) or os.isatty(descriptor):
                self._reopen(descriptor)
            elif stat.S_ISSOCK(mode):
                self._may_block = True  # it polls as writable while three quarters of it are free

    def _reopen(self, descriptor: int) -> None:
        """Open stderr anew without blocking: the description that was inherited belongs to others
        too. Where there is no /proc, or the pipe is another user's, poll before each write; two
        processes that both find the last free page may still both write then.
        """
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY
        self._may_block = True
        with suppress(OSError):
            self._write = partial(os.write, os.open(f"/proc/self/fd/{descriptor}", flags))
            self._may_block = False

    def write(self, lines: bytes) -> int:
        """Write whole lines. Returns how many were lost before them, for the caller to log."""
        if self._lost and not self._writable.poll(0):
            self._lost += lines.count(b"\n")
            return 0
        lost, self._lost = self._lost, 0  # another thread must not say them too
        self._lost = self._put(lines).count(b"\n")
        return lost

    def _put(self, chunk: bytes) -> bytes:
        """Write within `PATIENCE`. Returns what could not be written."""
        deadline, poll = time.monotonic() + PATIENCE, self._may_block
        with suppress(OSError):  # nobody can read, or the disk is full: no reason to stop working
            while chunk:
                if poll:
                    left = deadline - time.monotonic()
                    if left < 0 or not self._writable.poll(1000 * left):
                        return chunk
                try:
                    chunk = chunk[self._write(chunk) :]
                except BlockingIOError:
                    poll = True
        return b""
