"""The ledger's count of each Redis, kept on this machine's disk: restoring Redis leaves it alone.

One small file, `books.json`, that all web processes of this machine share; the process that looked
last has written it. With it a loss is noticed even if everything was stopped meanwhile. Where it
cannot be written, a process knows only what it saw itself.
"""

import contextlib
import os
import threading
from pathlib import Path
from typing import Final

import msgspec

from receiver.runtime.private_files import write_private

_KEPT: Final = 16
"""Servers in the file; the one that was written longest ago is dropped first."""


class Known(msgspec.Struct, frozen=True):
    """Hold the ledger's state when a process of this machine last looked."""

    server: str
    """Its address."""
    book: str
    run_id: str
    accepted: int


class Memory:
    """Keep the known ledger state of one server. Any thread may call a method, and none raises."""

    def __init__(self, directory: Path, server: str) -> None:
        with contextlib.suppress(OSError):  # not later: its disk may have gone
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = directory / "books.json"
        self._turn = threading.Lock()
        self._server = os.fsencode(server).decode("utf-8", "replace")  # a path, perhaps

    def of(self, book: str) -> Known | None:
        """Return what is known of the server at this address, else of this ledger at any."""
        found = self._read()
        here = [one for one in found if one.server == self._server]
        there = [one for one in found if one.book == book]
        return next(iter([*here, *there]), None)

    def keep(self, book: str, run_id: str, accepted: int) -> None:
        """Save the ledger's current state, and return when it is on disk: that may take seconds."""
        now = Known(self._server, book, run_id, accepted)
        with self._turn, contextlib.suppress(OSError):  # it cannot be written
            others = [one for one in self._read() if one.server != self._server]
            write_private(self._path, msgspec.json.encode([now, *others[: _KEPT - 1]]).decode())

    def _read(self) -> list[Known]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=list[Known])
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return []
