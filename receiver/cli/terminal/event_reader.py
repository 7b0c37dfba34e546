"""Reads the events stream as it grows, and prints an event."""

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import redis

from receiver.contract.redis_keys import EVENTS
from receiver.contract.stored_values import UNREADABLE

_BATCH = 500


class ShownEvent(msgspec.Struct):
    """What people are shown of an event."""

    receivedtime: str = ""
    type: str = "?"
    subject: str = ""
    data: dict[str, Any] = {}


_decode = msgspec.json.Decoder(ShownEvent).decode


def read_event(event: bytes) -> ShownEvent | None:
    """Return what people are shown of an event; None for what is none of ours."""
    try:
        return _decode(event)
    except UNREADABLE:
        return None


class EventReader:
    """A reader of the events stream, without a group, that outlasts interruptions of Redis.

    `notify` is called with a line for people when Redis becomes unreachable, and when it is back.
    """

    def __init__(self, client: redis.Redis, notify: Callable[[str], None]) -> None:
        self.stopping = threading.Event()
        self._client = client
        self._notify = notify
        self._after = "0-0"

    def start_at_end(self) -> None:
        """Start after the newest event. Raises `redis.RedisError`."""
        last: Any = self._client.xrevrange(EVENTS, count=1)
        self._after = last[0][0].decode() if last else "0-0"

    def start_at(self, milliseconds: int) -> None:
        """Start with the events published at a time (milliseconds since 1970) or later."""
        self._after = f"{milliseconds - 1}-{2**64 - 1}" if milliseconds > 0 else "0-0"

    def events(self, *, wait: bool = True) -> Iterator[bytes]:
        """Yield each event (JSON) of `entries`."""
        return (event for _, event in self.entries(wait=wait))

    def entries(self, *, wait: bool = True) -> Iterator[tuple[str, bytes]]:
        """Yield entry id and event (JSON) of each entry until `stopping` is set; without `wait`,
        of those stored already.

        Raises `redis.RedisError` if Redis refuses, or without `wait` when it is unreachable.
        """
        away = False
        while not self.stopping.is_set():
            try:
                entries = self._read(block=500 if wait else None)
            except (redis.ConnectionError, redis.TimeoutError) as error:
                if isinstance(error, redis.AuthenticationError) or not wait:
                    raise
                if not away and not self.stopping.is_set():
                    self._notify("Redis is away; waiting for it")
                away = True
                self.stopping.wait(0.3)
                continue
            if away:
                self._notify("Redis is back")
            away = False
            for entry, fields in entries:
                if b"event" in fields:  # else it is somebody else's
                    yield entry.decode(), fields[b"event"]
                self._after = entry.decode()
            if not entries and not wait:
                return

    def _read(self, block: int | None) -> list[tuple[bytes, dict[bytes, bytes]]]:
        found: Any = self._client.xread({EVENTS: self._after}, count=_BATCH, block=block)
        entries: list[tuple[bytes, dict[bytes, bytes]]] = found[0][1] if found else []
        return entries


def event_printer(*, as_json: bool) -> Callable[[bytes], None]:
    """Return a function that prints an event: as a line of JSON, or readable."""
    if not as_json:
        return _print_line

    def print_json(event: bytes) -> None:
        sys.stdout.buffer.write(event + b"\n")
        sys.stdout.buffer.flush()

    return print_json


def _print_line(event: bytes) -> None:
    from rich.text import Text

    from receiver.cli.terminal.output import printable, terminal

    line = Text()
    if said := read_event(event):
        data = {name: value for name, value in said.data.items() if name != "raw"}
        line.append(printable(said.receivedtime)[11:19], "dim").append(" ")
        line.append(printable(said.type), "bold green").append("  ")
        line.append(printable(said.subject), "cyan").append("  ")
        line.append(printable(msgspec.json.encode(data).decode()))
    else:
        line.append("no event of the receiver's: ").append(
            printable(event.decode("utf-8", "replace"))
        )
    terminal().print(line, soft_wrap=True)
