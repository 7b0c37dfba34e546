"""The limits of what is in flight: how many requests, and how many bytes of bodies."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from receiver.web.listener_shares import ListenerAdmission

BODY_BYTES: Final = 64 * 1024 * 1024
"""Bytes that the bodies in flight may have together, complete or not: many slow large ones would
fill memory."""


class Admission:
    """Counts the requests and bytes in flight.

    Check `full` before `enter` or `Room`. `most` requests may be in flight. The default is as many
    as there may be connections: a refusal costs half of what a notification does, so where our own
    processor is the limit, refusing would only starve other senders. Where Redis is the limit, a
    lower bound keeps the latency of admitted requests low.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.in_flight = 0
        self.body_bytes = 0

    @property
    def full(self) -> bool:
        """Return whether no further request may be admitted."""
        return self.in_flight >= self._most or self.body_bytes >= BODY_BYTES

    def enter(self, size: int = 0) -> bool:
        """Count one more request with a body of `size` bytes; False when there is no room for
        it.
        """
        self.in_flight += 1
        self.body_bytes += size
        return self.body_bytes <= BODY_BYTES

    def add_bytes(self, size: int) -> bool:
        """Count so many more bytes of a body; False when there is no room for them."""
        self.body_bytes += size
        return self.body_bytes <= BODY_BYTES

    def leave(self, size: int) -> None:
        """Give back the room of a request that has its response."""
        self.in_flight -= 1
        self.body_bytes -= size


class Room:
    """Holds the room of one request whose body is still to come, and gives it back at its end."""

    __slots__ = ("_admission", "_bytes")

    def __init__(self, admission: "Admission | ListenerAdmission") -> None:
        self._admission = admission
        self._bytes = 0

    def add_bytes(self, size: int) -> bool:
        """Count `size` more bytes of the body; False when there is no room for them."""
        self._bytes += size
        return self._admission.add_bytes(size)

    def __enter__(self) -> "Room":
        self._admission.enter()
        return self

    def __exit__(self, *_: object) -> None:
        self._admission.leave(self._bytes)
