"""How much may be in the house at once, and whether the door is open at all."""

from typing import Final

IN_FLIGHT: Final = 4096
"""Requests between their first body byte and their answer, per web process."""


class Gate:
    """Counts requests in flight; the watch closes it while nothing could be stored.

    Use as a context manager around one request. Ask `closed` and `full` first.
    """

    def __init__(self) -> None:
        self.in_flight = 0
        self.closed = ""
        """Why nothing can be stored now; empty while it can."""

    @property
    def full(self) -> bool:
        """Whether one more request would be one too many."""
        return self.in_flight >= IN_FLIGHT

    def __enter__(self) -> None:
        self.in_flight += 1

    def __exit__(self, *_: object) -> None:
        self.in_flight -= 1
