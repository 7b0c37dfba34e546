"""Reads the events stream as it grows, and prints an event."""

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import redis

from receiver.cli.terminal.output import harmless, printable, terminal
from receiver.contract.redis_keys import EVENTS
from receiver.contract.stored_values import UNREADABLE
from receiver.operations.look import newest_entry
from receiver.runtime import redis_errors

_BATCH = 500
_document = msgspec.json.Decoder(dict[str, Any]).decode


class EventReader:
    """A reader of the events stream, without a group, that outlasts interruptions of Redis.

    `notify` is called with a line for people when Redis becomes unreachable, when it is back, and
    for each entry that is no event of ours and is left out.
    """

    def __init__(self, client: redis.Redis, notify: Callable[[str], None]) -> None:
        self.stopping = threading.Event()
        self.client = client
        """Another one takes effect with the next read."""
        self._notify = notify
        self._after = "0-0"

    def start_at_end(self) -> None:
        """Start after the newest event. Raises `redis.RedisError`."""
        self._after = newest_entry(self.client, EVENTS)

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
            except redis.RedisError as error:
                if not wait or not redis_errors.is_outage(error):
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
                event = fields.get(b"event", b"")
                if decoded(event) is None:
                    self._notify(f"{entry.decode()} is no event of ours: left out")
                else:
                    yield entry.decode(), event
                self._after = entry.decode()
            if not entries and not wait:
                return

    def _read(self, block: int | None) -> list[tuple[bytes, dict[bytes, bytes]]]:
        found: Any = self.client.xread({EVENTS: self._after}, count=_BATCH, block=block)
        entries: list[tuple[bytes, dict[bytes, bytes]]] = found[0][1] if found else []
        return entries


def decoded(event: bytes) -> dict[str, Any] | None:
    """Return an event as a document; None for what is no event of ours, whoever has added it."""
    try:
        if not event.isascii():
            event.decode()  # of strings that nobody asks for msgspec checks no UTF-8
        found: dict[str, Any] = _document(event)
    except UNREADABLE:
        return None
    return found if isinstance(found.get("data", {}), dict) else None


def event_printer(*, as_json: bool) -> Callable[[bytes], None]:
    """Return a function that prints an event: as a line of JSON, or readable."""
    if not as_json:
        return _print_line

    def print_json(event: bytes) -> None:
        sys.stdout.buffer.write(harmless(event) + b"\n")
        sys.stdout.buffer.flush()

    return print_json


def _print_line(event: bytes) -> None:
    from rich.text import Text

    document = decoded(event) or {}
    data = {name: value for name, value in document.get("data", {}).items() if name != "raw"}
    line = Text()
    line.append(printable(document.get("receivedtime", ""))[11:19] + "Z", "dim").append(" ")
    line.append(printable(document.get("type", "?")), "bold green").append("  ")
    line.append(printable(document.get("subject", "")), "cyan").append("  ")
    line.append(printable(msgspec.json.encode(data).decode()))
    terminal().print(line, soft_wrap=True)
