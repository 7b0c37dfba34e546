"""The `redis-stream` sink: an entry with one field, `event`."""

from typing import Final

from receiver.config.settings import RedisStreamSink
from workers import second_clock
from workers.sinks.sink import Command, Item

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
        entry = item.delivery.entry
        return [("XADD", self._sink.stream, *self._bound(entry), "*", "event", item.document)]

    def _bound(self, entry: str) -> tuple[str, str, int]:
        """An age counts back from the entry (Redis' time), or from now if that is earlier."""
        if self._sink.max_age_hours is None:
            return "MAXLEN", "~", self._sink.max_length or LENGTH
        written = min(int(entry.partition("-")[0]), second_clock.local_time())
        # What XADD refuses in a script would be acknowledged before it, and lost.
        return "MINID", "~", max(0, written - int(self._sink.max_age_hours * 3_600_000))
