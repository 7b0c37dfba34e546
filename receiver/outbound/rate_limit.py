"""The rate limit of requests to one operator."""

import asyncio
import time
from typing import Final

from receiver.outbound.answers import Resting

_PATIENCE: Final = 5.0
"""Seconds: a longer Retry-After is the caller's to wait for."""
_SLOWEST: Final = 1 / 64
"""Of the configured rate: six refusals in a row."""
_RECOVERY: Final = 1 / 50
"""Of the configured rate, for each answer that is not a refusal."""


class RateLimit:
    """At most so many requests a second, evenly spaced; halved by each 429, slowly restored."""

    def __init__(self, rate: float) -> None:
        """`rate`: requests a second, above 0."""
        self._most = rate
        self.rate = rate
        self._next = 0.0
        self._slowed = 0.0

    @property
    def resting(self) -> bool:
        """Return whether the operator wants a long wait: `acquire` would raise `Resting`."""
        return self._slowed - time.monotonic() > _PATIENCE

    async def acquire(self) -> None:
        """Wait until a request may be sent. Raises `Resting` where the operator wants a long
        wait.
        """
        while True:
            if (rest := self._slowed - time.monotonic()) > _PATIENCE:
                raise Resting("the operator said Retry-After", rest)
            turn = max(self._next, self._slowed, time.monotonic())
            self._next = turn + 1 / self.rate
            await asyncio.sleep(turn - time.monotonic())
            if self._slowed <= turn:
                return  # else somebody was refused while this one waited

    def refused(self, seconds: float | None) -> None:
        """Note a 429 and its Retry-After: halve the rate, and send nothing before then."""
        self.rate = max(self.rate / 2, self._most * _SLOWEST)
        now = time.monotonic()
        self._slowed = max(self._slowed, now + (1 / self.rate if seconds is None else seconds))

    def answered(self) -> None:
        """Note any other answer."""
        self.rate = min(self.rate + self._most * _RECOVERY, self._most)
