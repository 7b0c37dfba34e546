"""The `redis-stream` sink: appends an entry with one field, `event`."""

from collections.abc import Sequence
from typing import Final

from receiver.config.settings import RedisStreamSink
from workers import second_clock
from workers.sinks.sink import Command, Item

LENGTH: Final = 1_000_000
"""Entries kept on the stream when the sink sets neither length nor age."""


class RedisStream:
    """Append events to a stream, and trim it to its length or age."""

    def __init__(self, sink: RedisStreamSink) -> None:
        self._sink = sink
        self.guards: tuple[tuple[str, str], ...] = ((sink.stream, "stream"),)
        self.opening: Sequence[Command] = ()

    def reader_lags(self) -> bool:
        """Return False: the stream has a bound of its own, and readers free no memory."""
        return False

    def commands(self, item: Item) -> list[Command]:
        """Return one XADD."""
        entry = item.delivery.entry
        return [("XADD", self._sink.stream, *self._bound(entry), "*", "event", item.document)]

    def _bound(self, entry: str) -> tuple[str, str, int]:
        """Return the trimming options; an age counts from the entry's time, or an earlier now."""
        if self._sink.max_age_hours is None:
            return "MAXLEN", "~", self._sink.max_length or LENGTH
        written = min(int(entry.partition("-")[0]), second_clock.local_time())
        # What XADD refuses in a script would be acknowledged before it, and lost.
        return "MINID", "~", max(0, written - int(self._sink.max_age_hours * 3_600_000))
