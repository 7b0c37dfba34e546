"""Whether this process can store notifications now, and how many bytes of them."""

import math


class Availability:
    """The state of Redis as the monitor last saw it, for request path, writers and drain.

    Between two looks the writers count what Redis takes, so that no flood fills it meanwhile. What
    has not been answered yet is not in the count: one write of each writer at most.
    """

    def __init__(self) -> None:
        self.closed = ""
        """Why nothing can be stored now; empty while it can."""
        self.spent = 0.0
        """Bytes of memory that writes have taken from Redis so far, all processes' by estimate."""
        self._until = math.inf
        self._when_full = ""

    def allow(self, spent: float, room: float, when_full: str) -> None:
        """Allow so many bytes more, counted from when `spent` was read; `when_full` is the reason
        once they are spent.
        """
        self._until, self._when_full = spent + room, when_full

    def takes(self, size: float) -> bool:
        """Return whether Redis has room for so many bytes; where it has none, stop admitting."""
        if self.spent + size <= self._until:
            return True
        self.closed = self.closed or self._when_full
        return False

    def spend(self, size: float) -> None:
        """Count bytes that Redis has taken, once each, however often they were tried."""
        self.spent += size
