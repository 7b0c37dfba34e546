"""The operator's clock, which may be wrong, and the actions scheduled on it."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class Clock:
    """Real time and a difference. Actions that are due run on the event loop, in order."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._changed = asyncio.Event()

    def now(self) -> datetime:
        """Return the time as the operator has it."""
        return datetime.now(UTC) + self._ahead

    def set_ahead(self, seconds: float) -> None:
        """Set the clock to so many seconds before (or, negative, behind) the real time."""
        self._ahead = timedelta(seconds=seconds)
        self._changed.set()

    def at(self, when: datetime, action: Callable[[], None]) -> None:
        """Schedule an action at a time of this clock."""
        heapq.heappush(self._due, (when, next(self._order), action))
        self._changed.set()

    async def run(self) -> None:
        """Run due actions until cancelled."""
        while True:
            self._changed.clear()
            while self._due and self._due[0][0] <= self.now():
                heapq.heappop(self._due)[2]()
            left = (self._due[0][0] - self.now()).total_seconds() if self._due else None
            try:
                async with asyncio.timeout(left):
                    await self._changed.wait()
            except TimeoutError:
                pass
