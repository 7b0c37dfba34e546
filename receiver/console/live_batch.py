"""What the live tail sends, and a bounded queue of it for each viewer."""

import asyncio
from typing import Final

from receiver.console.rows import STREAMS, Filter, Row
from receiver.contract.entry_ids import is_entry

QUEUED: Final = 200
"""Rows that wait for one viewer; those beyond are skipped and counted."""

Position = dict[str, str]
"""Stream -> the last entry that was read."""


class Batch:
    """Rows for viewers, how many were skipped before them, and where the tail stands after."""

    def __init__(
        self, rows: list[Row], position: Position, skipped: int = 0, *, at_least: bool = False
    ) -> None:
        self.rows = rows
        self.position = position
        self.skipped = skipped
        self.at_least = at_least
        """Whether there may be more of those."""
        self.events: dict[Filter, bytes] = {}
        """What is sent of it, by what is wanted: made for the first viewer, sent to all."""

    def __add__(self, later: "Batch") -> "Batch":
        """Return both as one; the oldest rows give way where there are too many."""
        rows = self.rows + later.rows
        over = max(0, len(rows) - QUEUED)
        skipped = self.skipped + later.skipped + over
        at_least = self.at_least or later.at_least
        return Batch(rows[over:], later.position, skipped, at_least=at_least)


class Viewer:
    """What waits for one viewer."""

    def __init__(self) -> None:
        self._waits: Batch | None = None
        self._came = asyncio.Event()

    def add(self, batch: Batch) -> None:
        """Queue what came."""
        self._waits = self._waits + batch if self._waits else batch
        self.wake()

    def wake(self) -> None:
        """Have `next` return, also where nothing came."""
        self._came.set()

    def drop(self) -> None:
        """Forget what waits."""
        self._waits = None
        self._came.clear()

    async def next(self) -> Batch | None:
        """Return what waits, or None: after some seconds of nothing, and when it is woken."""
        try:
            await asyncio.wait_for(self._came.wait(), 15)
        except TimeoutError:
            return None
        self._came.clear()
        batch, self._waits = self._waits, None
        return batch


def position_text(position: Position) -> str:
    """Return a position as an event's id: the four entries, in the order of `STREAMS`."""
    return ",".join(position.get(stream, "0-0") for stream in STREAMS)


def position_of(text: str) -> Position:
    """Return the position that `position_text` wrote; empty for anything else."""
    parts = text.split(",")
    if len(parts) != len(STREAMS) or not all(map(is_entry, parts)):
        return {}
    return dict(zip(STREAMS, parts, strict=True))
