"""Writing log lines to stderr without waiting for ever for whoever reads it.

A pipe, a socket or a terminal that nobody reads is full at some time, and an ordinary write then
waits: with it every connection of a web process, or every event of a worker.
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
"""Seconds that a write waits for a reader that is slow. After that lines are lost, and counted,
until it reads again."""
STDERR: Final = 2


class LogOutput:
    """Write lines to stderr, or lose them; writing raises nothing."""

    def __init__(self) -> None:
        self._send: Callable[[bytes], int] = partial(os.write, STDERR)
        self._asks_first = False
        """A write may wait: it is asked beforehand whether it would."""
        self._room = select.poll()
        self._lost = 0

    def open(self, descriptor: int = STDERR) -> None:
        """Find out what stderr is; call it once in a process, before anything is logged."""
        self._room = select.poll()
        self._send, self._asks_first = partial(os.write, descriptor), False
        with suppress(OSError):  # it is closed
            mode = os.fstat(descriptor).st_mode
            self._room.register(descriptor, select.POLLOUT)
            if stat.S_ISFIFO(mode) or os.isatty(descriptor):
                self._reopen(descriptor)
            elif stat.S_ISSOCK(mode):
                self._asks_first = True  # when it says yes three quarters of it are free

    def _reopen(self, descriptor: int) -> None:
        """Have a description of our own that does not block: the one that was handed over belongs
        to others too. Where there is no /proc, or the pipe is another user's, it is asked first;
        then two processes that both see the last free page may still both write.
        """
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        self._asks_first = True
        with suppress(OSError):
            self._send = partial(os.write, os.open(f"/proc/self/fd/{descriptor}", flags))
            self._asks_first = False

    def write(self, lines: bytes) -> int:
        """Write whole lines. Returns how many were lost before them, which is to be said."""
        if self._lost and not self._room.poll(0):
            self._lost += lines.count(b"\n")
            return 0
        lost, self._lost = self._lost, 0
        self._lost = self._put(lines).count(b"\n")
        return lost

    def _put(self, chunk: bytes) -> bytes:
        """Return what is left where nobody read in time."""
        until, ask = time.monotonic() + PATIENCE, self._asks_first
        with suppress(OSError):  # nobody can read, or the disk is full: no reason to stop working
            while chunk:
                if ask:
                    left = until - time.monotonic()
                    if left < 0 or not self._room.poll(1000 * left):
                        return chunk
                try:
                    chunk = chunk[self._send(chunk) :]
                except BlockingIOError:
                    ask = True
        return b""
