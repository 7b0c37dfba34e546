"""Reading the events stream as it grows, and printing an event."""

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import redis

from receiver.contract.redis_keys import EVENTS

_AT_ONCE = 500


class Follow:
    """Read the events stream from a position, across interruptions of Redis."""

    def __init__(self, client: redis.Redis, say: Callable[[str], None]) -> None:
        self.stopping = threading.Event()
        self._client = client
        self._say = say
        self._after = "0-0"

    def skip_past(self) -> None:
        """Begin after the newest event there is. Raises `redis.RedisError`."""
        last: Any = self._client.xrevrange(EVENTS, count=1)
        self._after = last[0][0].decode() if last else "0-0"

    def begin_at(self, milliseconds: int) -> None:
        """Begin with events published at this time (milliseconds since 1970) or later."""
        self._after = f"{milliseconds - 1}-{2**64 - 1}" if milliseconds > 0 else "0-0"

    def events(self, *, wait: bool = True) -> Iterator[bytes]:
        """Yield each event (JSON) until `stopping`; without `wait`, those there already.

        Raises `redis.RedisError` if Redis refuses, or without `wait` when it is away.
        """
        away = False
        while not self.stopping.is_set():
            try:
                entries = self._read(block=500 if wait else None)
            except (redis.ConnectionError, redis.TimeoutError) as error:
                if isinstance(error, redis.AuthenticationError) or not wait:
                    raise
                if not away and not self.stopping.is_set():
                    self._say("Redis is away; waiting for it")
                away = True
                self.stopping.wait(0.3)
                continue
            if away:
                self._say("Redis is back")
            away = False
            for entry, fields in entries:
                yield fields[b"event"]
                self._after = entry.decode()
            if not entries and not wait:
                return

    def _read(self, block: int | None) -> list[tuple[bytes, dict[bytes, bytes]]]:
        found: Any = self._client.xread({EVENTS: self._after}, count=_AT_ONCE, block=block)
        entries: list[tuple[bytes, dict[bytes, bytes]]] = found[0][1] if found else []
        return entries


def printer() -> Callable[[bytes], None]:
    """Return a function that prints an event: readable on a terminal, else as a line of JSON."""
    if sys.stdout.isatty():
        return _print_for_reading

    def print_json(event: bytes) -> None:
        sys.stdout.buffer.write(event + b"\n")
        sys.stdout.buffer.flush()

    return print_json


def _print_for_reading(event: bytes) -> None:
    from rich.text import Text

    from receiver.cli.terminal.output import printable, terminal

    shown = msgspec.json.decode(event)
    data = {name: value for name, value in shown.get("data", {}).items() if name != "raw"}
    line = Text()
    line.append(printable(shown.get("receivedtime", ""))[11:19], "dim").append(" ")
    line.append(printable(shown.get("type", "?")), "bold green").append("  ")
    line.append(printable(shown.get("subject", "")), "cyan").append("  ")
    line.append(printable(msgspec.json.encode(data).decode()))
    terminal().print(line, soft_wrap=True)
