"""The circuit breaker of an operator that fails again and again."""

import random
import time
from typing import Final

from receiver.outbound.answers import Resting

_FAILURES: Final = 5
"""In a row, until it opens."""
_FIRST: Final = 5.0
_LONGEST: Final = 600.0


class Circuit:
    """A circuit breaker: closed; open after five failures in a row, for 5 s to 10 min; then one
    request probes.
    """

    def __init__(self, first: float = _FIRST, longest: float = _LONGEST) -> None:
        """`first` and `longest`: seconds that it stays open, doubling, with full jitter."""
        self._first = first
        self._longest = longest
        self._failures = 0
        self._until = 0.0

    @property
    def open(self) -> bool:
        """Return whether the circuit breaker is open, or probed by one request."""
        return self._failures >= _FAILURES

    def admit(self) -> None:
        """Let a request through. Raises `Resting`."""
        if not self.open:
            return
        now = time.monotonic()
        if now < self._until:
            raise Resting("the operator has failed repeatedly", self._until - now)
        self._until = now + self._pause()  # whoever comes now is the one that tries

    def succeeded(self) -> None:
        """Note a success of the operator."""
        self._failures = 0

    def failed(self) -> None:
        """Note a failure of the operator: no answer, a 5xx, credentials refused."""
        self._failures += 1
        self._until = time.monotonic() + self._pause()

    def _pause(self) -> float:
        """Return the seconds to stay open, with full jitter but at least half of the first pause:
        else many clients would come back at once.
        """
        doubled = self._first * 2.0 ** min(self._failures - _FAILURES, 20)
        longest = min(doubled, self._longest)
        return max(self._first / 2, random.uniform(0, longest))  # noqa: S311 - not a secret
