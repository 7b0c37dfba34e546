"""Saying what became of what: a line for each notification and delivery, and how long it took.

The lines are made here and not by the logger, which takes longer for one than all the rest takes
for a notification. A process that is killed between an outcome and its line leaves the outcome.
"""

import contextlib
import logging
import re
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

import msgspec
import redis
import structlog

from receiver.contract.records import Notification
from receiver.metrics.counters import DELIVERED, PUBLISHED, Counters
from receiver.runtime import logs
from receiver.runtime.redis_client import DOWN

EVERY: Final = 1.0
"""Seconds between two times that what was measured is written down."""

_LETTERS: Final = {
    "p": ("published", "info", ""),
    "l": ("published", "info", ',"late":true'),
    "d": ("duplicate", "info", ""),
    "x": ("dead", "warning", ""),
}
"""What `publish.lua` answers per entry -> outcome, level, and more; any other letter: nothing."""
_DELIVERED: Final = (
    '{"receipt":"%s","sink":"%s","outcome":"delivered","milliseconds":%d,'
    '"event":"delivery","level":"info","timestamp":"%s"}\n'
)
_UNREAD: Final = Notification("", "", "", 0, "", b"")
_REPLAYED: Final = b'{"replayed":true,'
log = structlog.get_logger()
_json = msgspec.json.Encoder().encode
_read = msgspec.json.Decoder(dict[str, str | int | bool]).decode
_receipt: Final = re.compile(rb'"receiptid":"([0-9a-f]{27})"').search


Told = tuple[Notification | None, str]
"""What is said of one notification beside its outcome: itself, None when it could not even be read,
and why it is a dead letter, which is never a value of its body.
"""


class Teller:
    """One worker process's."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._readable = logs.readable()
        self._meter = Counters()
        self._written = time.monotonic()

    def outcomes(self, batch: Iterable[Told], letters: bytes) -> None:
        """The outcomes of a batch have happened, and these letters say which."""
        now = time.time_ns() // 1_000_000
        stamp, said = _stamp(now), _said()
        published: list[float] = []
        lines: list[str] = []
        for (notification, reason), letter in zip(batch, letters.decode(), strict=True):
            if letter not in _LETTERS:
                continue  # somebody else gave it its outcome, and said so
            outcome, level, more = _LETTERS[letter]
            one = notification or _UNREAD
            took = max(0, now - (one.received or now))
            if outcome == "published":
                published.append(took / 1000)
            if level not in said:
                continue
            if reason:
                more = f',"reason":{_json(reason).decode()}'
            lines.append(
                f'{{"receipt":"{one.receipt}","listener":"{one.listener}","kind":"{one.callback}",'
                f'"outcome":"{outcome}","milliseconds":{took}{more},'
                f'"event":"notification","level":"{level}","timestamp":"{stamp}"}}\n'
            )
        self._meter.times(PUBLISHED).all_took(published)
        self._say(lines)

    def delivered(self, sink: str, events: Iterable[bytes]) -> None:
        """A sink has these events."""
        now = time.time_ns() // 1_000_000
        stamp = _stamp(now)
        times: list[float] = []
        lines: list[str] = []
        for event in events:
            if not (found := _receipt(event)):
                continue
            receipt = found[1].decode()
            took = max(0, now - int(receipt[:11], 16))
            if not event.startswith(_REPLAYED):  # how long that took says nothing about us
                times.append(took / 1000)
            lines.append(_DELIVERED % (receipt, sink, took, stamp))
        self._meter.times(DELIVERED, sink).all_took(times)
        self._say(lines if "info" in _said() else [])

    def write(self, *, soon: bool = False) -> None:
        """Write down what was measured, unless that was done just now and may wait."""
        if soon and time.monotonic() - self._written < EVERY:
            return
        self._written = time.monotonic()
        with contextlib.suppress(*DOWN):
            if command := self._meter.command():
                self._client.eval(*command)
                self._meter.written()

    def _say(self, lines: list[str]) -> None:
        logs.write(map(_person, lines) if self._readable else lines)
        self.write(soon=True)


def receipts(events: Iterable[bytes]) -> Iterator[str]:
    """The receipt id of each event that has one, which all of ours have."""
    # Attributes stand before data, and quotes in texts are escaped: the first match is ours.
    for event in events:
        if found := _receipt(event):
            yield found[1].decode()


def _said() -> frozenset[str]:
    """The levels of which lines are written."""
    return frozenset(
        level
        for level in ("info", "warning")
        if log.is_enabled_for(getattr(logging, level.upper()))
    )


def _stamp(now: int) -> str:
    return (
        datetime.fromtimestamp(now / 1000, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def _person(line: str) -> str:
    said = _read(line)
    stamp, level, event = said.pop("timestamp"), said.pop("level"), said.pop("event")
    fields = " ".join(f"{name}={value}" for name, value in said.items())
    return f"{stamp} [{level:<8}] {event:<14} {fields}\n"
