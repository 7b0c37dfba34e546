"""What the ledger of each Redis held, kept on this machine's disk and so outside of any restored
copy.

One small file, `books.json`, of all web processes of this machine; whoever looked last has written
it. It is a help for noticing a loss over a stop of everything: where it cannot be written, a
process knows what it saw itself, and no more.
"""

import contextlib
from pathlib import Path
from typing import Final

import msgspec

from receiver.runtime.private_files import write_private

_KEPT: Final = 16
"""Servers; the one that was written longest ago goes first."""


class Known(msgspec.Struct, frozen=True):
    """The ledger's state when a process of this machine last looked."""

    server: str
    """Where it was."""
    book: str
    run_id: str
    accepted: int


class Memory:
    """The known ledger state of one server. Any method may be called from a thread, and none
    raises.
    """

    def __init__(self, directory: Path, server: str) -> None:
        self._path = directory / "books.json"
        self._server = server

    def of(self, book: str) -> Known | None:
        """Return what is known of the server at this address, else of this ledger at any
        address.
        """
        found = self._read()
        here = [one for one in found if one.server == self._server]
        there = [one for one in found if one.book == book]
        return next(iter([*here, *there]), None)

    def keep(self, book: str, run_id: str, accepted: int) -> None:
        """Save the ledger's current state."""
        now = Known(self._server, book, run_id, accepted)
        others = [one for one in self._read() if one.server != self._server]
        with contextlib.suppress(OSError):  # somebody writes just now, or nobody can
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(self._path, msgspec.json.encode([now, *others[: _KEPT - 1]]).decode())

    def _read(self) -> list[Known]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=list[Known])
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return []
