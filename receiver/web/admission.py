"""How much may be in the house at once, and whether the door is open at all."""

from typing import Final

BODY_BYTES: Final = 64 * 1024 * 1024
"""What their bodies may weigh together, complete or not: many slow large ones would fill memory."""


class Admission:
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

    @property
    def full(self) -> bool:
        """Whether one more request would be one too many."""
        return self.in_flight >= self._most or self.body_bytes >= BODY_BYTES

    def enter(self, size: int = 0) -> bool:
        """Count one more request, whose body weighs so much; False when there is no room for it."""
        self.in_flight += 1
        self.body_bytes += size
        return self.body_bytes <= BODY_BYTES

    def leave(self, size: int) -> None:
        """It has been answered."""
        self.in_flight -= 1
        self.body_bytes -= size

    def visit(self) -> "Visit":
        """One request whose body is still to come, for as long as it is in flight."""
        return Visit(self)


class Visit:
    """A context manager; what its body weighs is given back at its end."""

    __slots__ = ("_admission", "_bytes")

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._bytes = 0

    def weigh(self, size: int) -> bool:
        """So much more of the body has come. False when there is no room for it."""
        self._bytes += size
        self._admission.body_bytes += size
        return self._admission.body_bytes <= BODY_BYTES

    def __enter__(self) -> "Visit":
        self._admission.enter()
        return self

    def __exit__(self, *_: object) -> None:
        self._admission.leave(self._bytes)
