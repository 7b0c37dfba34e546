"""The `redis-stream` sink: an entry with one field, `event`."""

import time
from typing import Final

from receiver.settings import RedisStreamSink
from workers.delivery import Command, Item

LENGTH: Final = 1_000_000
"""How long a stream may grow when the sink sets neither length nor age."""


class RedisStream:
    """Appends, and lets the stream's oldest entries go beyond its bound."""

    def __init__(self, sink: RedisStreamSink) -> None:
        self._sink = sink
        self.guards: tuple[tuple[str, str], ...] = ((sink.stream, "stream"),)

    def behind(self) -> bool:
        """Never: the stream has a bound of its own, and nobody takes anything off it."""
        return False

    def commands(self, item: Item) -> list[Command]:
        """One XADD."""
        return [("XADD", self._sink.stream, *self._bound(), "*", "event", item.document)]

    def _bound(self) -> tuple[str, str, int]:
        if self._sink.max_age_hours is None:
            return "MAXLEN", "~", self._sink.max_length or LENGTH
        oldest = time.time() - self._sink.max_age_hours * 3600
        return "MINID", "~", int(oldest * 1000)
