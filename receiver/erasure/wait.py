"""Waiting for somebody else while looking for what is about a person: said once it takes long."""

import time
from collections.abc import Callable
from typing import Final

SAID_AFTER: Final = 2.0
"""Seconds for which a wait needs no word: most are over by then."""

Say = Callable[[str], None]
"""Tells people what is waited for; called again and again while it is."""


class Wait:
    """One wait, from now on: `why` completes "waiting: "."""

    def __init__(self, why: str, say: Say) -> None:
        self._why = why
        self._say = say
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        """Return how long it has lasted."""
        return time.monotonic() - self._begun

    def pause(self, seconds: float) -> None:
        """Wait for some time more."""
        if self.seconds >= SAID_AFTER:
            self._say(self._why)
        time.sleep(seconds)
