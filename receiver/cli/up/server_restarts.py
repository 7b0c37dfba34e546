"""The embedded Valkey of `receiver up`, started again for as long as it takes."""

import time
from collections.abc import Callable
from typing import Final

from receiver.cli.up.child_process import next_pause
from receiver.cli.up.embedded_valkey import Embedded, EmbeddedError
from receiver.cli.up.notices import notice

_LOOK_EVERY: Final = 1.0
"""Seconds between two looks at whether the server runs."""


class Restarts:
    """Start the embedded server again where it ended. What keeps it from starting, a full disk for
    example, may pass: it is said once, and tried again with the pauses of the other children.
    """

    def __init__(self, server: Embedded) -> None:
        self._server = server
        self._address = server.url
        self._pause = 0.0
        self._said = ""
        self._began = self._due = time.monotonic()

    def restart_if_ended(self, meanwhile: Callable[[], None]) -> bool:
        """Start it again if it has ended and its pause is over; what `meanwhile` does goes on while
        it reads its data. Return whether it has another address now, as its port is another's.
        Main thread only.
        """
        if time.monotonic() < self._due:
            return False
        moved = not self._server.is_running() and self._restart(meanwhile)
        self._due = max(self._due, time.monotonic() + _LOOK_EVERY)
        return moved

    def _restart(self, meanwhile: Callable[[], None]) -> bool:
        if not self._said:
            notice("the embedded Valkey ended; it starts again")
        self._pause = next_pause(self._pause, time.monotonic() - self._began)
        before = self._address
        try:
            self._server.start(meanwhile)
        except EmbeddedError as error:
            self._say(str(error))
        else:
            self._said, self._address = "", self._server.url
        self._began = time.monotonic()
        self._due = self._began + self._pause
        return before != self._address

    def _say(self, reason: str) -> None:
        if reason != self._said:
            notice(f"{reason}; it is tried again until it starts")
        self._said = reason
