"""The pace at which a sink that is behind catches up: it gives way to what has just come in."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from workers.sinks.sink import Item

BEHIND: Final = 2_000
"""A sink is behind when all that it leases is older than this (ms), and there is enough of it."""
LATE: Final = 20
"""Milliseconds in which a notification is normalised where there is time for other work."""
FASTER: Final = 1.5
"""A sink that is behind goes at least so much faster through its events than these came."""
LONGEST: Final = 2.0
"""Seconds between two leases, at most."""
MOST_LEASED: Final = 4_000
"""Deliveries that one call leases at most."""
MOST_BEHIND: Final = 500
"""As many at most where the sink is behind: Redis holds the answers to all such sinks at once."""
MOST_GIVING_WAY: Final = 200
"""As many at most where it gives way: others wait for the scripts that handle them."""
_LONGER: Final = 2.0
_SHORTER: Final = 0.7
_SHORTEST: Final = 0.001


class Pace:
    """Say when a sink that is behind may lease again, and how many.

    The time from one of its leases to the next becomes longer while notifications are late to be
    normalised, and shorter while they are not, down to none. A sink that is not behind never waits.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pause = LONGEST
        self._next = 0.0
        self.behind = False
        """Whether the next lease is to say how late notifications are."""

    @property
    def most(self) -> int:
        """Return how many deliveries may be leased at once."""
        if not self.behind:
            return MOST_LEASED
        return MOST_GIVING_WAY if self._pause else MOST_BEHIND

    def left(self) -> float:
        """Return the seconds until the next lease; 0 or less if it may be now."""
        return self._next - self._clock() if self.behind else 0.0

    def leased(self, items: Sequence[Item], wanted: int, now: int, late: int) -> None:
        """Note what was leased of so many that were wanted, at this time (ms), and for how long
        (ms) the oldest notification was being normalised by then.
        """
        was = self.behind
        first, last = (_published(items[0]), _published(items[-1])) if items else (now, now)
        newest = max(first, last)  # retries and new events, either may come first
        self.behind = 2 * len(items) >= wanted and newest < now - BEHIND
        if not self.behind:
            self._pause = LONGEST
            return
        if late > LATE:
            self._pause = max(_SHORTEST, self._pause * _LONGER)
        elif was:
            self._pause = self._pause * _SHORTER if self._pause > _SHORTEST else 0.0
        came_in = abs(last - first) / 1000
        self._pause = min(self._pause, LONGEST, came_in / FASTER)
        self._next = self._clock() + self._pause


def _published(item: Item) -> int:
    """Return when an event was published (ms)."""
    return int(item.delivery.entry.partition("-")[0])
