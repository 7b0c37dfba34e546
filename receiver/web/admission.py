"""How much may be in the house at once, and whether the door is open at all."""

import math
from typing import Final

BODY_BYTES: Final = 64 * 1024 * 1024
"""What their bodies may weigh together, complete or not: many slow large ones would fill memory."""


class Gate:
    """Counts what is in flight; the watch closes it while nothing could be stored.

    Ask `closed` and `full` before `enter` or `visit`. `most` requests may be in flight. The
    default is as many as there may be connections: saying no costs half of saying yes, so where
    our own processor is what cannot keep up, refusing some would starve the others. Where it is
    Redis, a lower bound keeps the latency of those admitted low.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.in_flight = 0
        self.body_bytes = 0
        self.closed = ""
        """Why nothing can be stored now; empty while it can."""
        self.spent = 0.0
        """Bytes of memory that writes have taken from Redis so far, all processes' by estimate."""
        self._until = math.inf
        self._when_full = ""

    def allow(self, spent: float, room: float, when_full: str) -> None:
        """From when so much was spent on, so many bytes more; then the door is closed, and why."""
        self._until, self._when_full = spent + room, when_full

    def takes(self, size: float) -> bool:
        """Whether there is room in Redis for so many bytes; where there is none, close the door."""
        if self.spent + size <= self._until:
            return True
        self.closed = self.closed or self._when_full
        return False

    def spend(self, size: float) -> None:
        """So many bytes have gone to Redis."""
        self.spent += size

    @property
    def full(self) -> bool:
        """Whether one more request would be one too many."""
        return self.in_flight >= self._most or self.body_bytes >= BODY_BYTES

    def enter(self, size: int = 0) -> None:
        """One request more, whose body weighs so much."""
        self.in_flight += 1
        self.body_bytes += size

    def leave(self, size: int) -> None:
        """It has been answered."""
        self.in_flight -= 1
        self.body_bytes -= size

    def visit(self) -> "Visit":
        """One request whose body is still to come, for as long as it is in flight."""
        return Visit(self)


class Visit:
    """A context manager; what its body weighs is given back at its end."""

    __slots__ = ("_bytes", "_gate")

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._bytes = 0

    def weigh(self, size: int) -> bool:
        """So much more of the body has come. False when there is no room for it."""
        self._bytes += size
        self._gate.body_bytes += size
        return self._gate.body_bytes <= BODY_BYTES

    def __enter__(self) -> "Visit":
        self._gate.enter()
        return self

    def __exit__(self, *_: object) -> None:
        self._gate.leave(self._bytes)
