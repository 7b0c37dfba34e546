"""What the live tail knows nothing of yet but that it is kept: some of it turns out to repeat."""

import threading
from collections.abc import Iterable
from typing import Any, Final

from receiver.console.rows import Row
from receiver.contract.entry_ids import order

MOST: Final = 500
"""The oldest beyond them are given up: nobody shows them any more."""
DECIDED: Final = 5_000
"""Receipts whose outcome was read, the newest: that they were kept may be read after it."""


class Opened:
    """Kept rows without an outcome, of one reader: its thread writes them, and so does the loop for
    those who come.
    """

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self._decided: dict[str, int] = {}
        self._one = threading.Lock()

    def __len__(self) -> int:
        return len(self._rows)

    def take(self, rows: Iterable[Row]) -> None:
        """Take what was read, in whatever order: an outcome is often read before what it is of."""
        with self._one:
            for one in rows:
                at = order(one.entry)[0]  # in one millisecond it comes after
                if one.outcome != "kept":
                    self._decide(one.receipt, at)
                elif at > self._decided.get(one.receipt, -1):
                    self._rows[one.receipt] = one
            _keep_newest(self._rows, MOST)
            _keep_newest(self._decided, DECIDED)

    def received_before(self, at: int) -> list[Row]:
        """Return those that were received before a time (ms since 1970)."""
        with self._one:
            return [one for one in self._rows.values() if one.at < at]

    def end(self, rows: Iterable[Row]) -> list[Row]:
        """Return those of them that have no outcome still, which are waited for no longer."""
        with self._one:
            return [self._rows.pop(one.receipt) for one in rows if one.receipt in self._rows]

    def _decide(self, receipt: str, at: int) -> None:
        known = self._rows.get(receipt)
        if known and at >= order(known.entry)[0]:
            del self._rows[receipt]
        self._decided[receipt] = max(at, self._decided.pop(receipt, -1))


def _keep_newest(found: dict[str, Any], most: int) -> None:
    while len(found) > most:
        found.pop(next(iter(found)))
