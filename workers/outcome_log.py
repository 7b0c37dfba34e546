"""The outcome log: one line for each notification and delivery, and histograms of the times.

The lines are formatted here and not by the logger, which takes longer for one than all other work
takes for a notification. A process killed between an outcome and its line loses only the line.
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
from receiver.runtime.moment import rfc3339
from receiver.runtime.redis_errors import DOWN

EVERY: Final = 1.0
"""Seconds between two writes of the metrics."""

_OUTCOMES: Final = {
    "p": ("published", "info", ""),
    "l": ("published", "info", ',"late":true'),
    "d": ("duplicate", "info", ""),
    "x": ("dead", "warning", ""),
}
"""Code of `publish.lua` per entry -> outcome, level, more fields; other codes log nothing."""
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
_plain: Final = re.compile(r"[0-9A-Za-z._-]*").fullmatch
"""Matches what needs no escape in a line and can forge none."""


class OutcomeLog:
    """Log the outcomes of one worker process, and measure how long they took."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._readable = logs.readable()
        self._meter = Counters()
        self._written = time.monotonic()

    def notifications(self, batch: Iterable[tuple[Notification | None, str]], codes: bytes) -> None:
        """Log the outcomes of a batch.

        `batch` holds each notification (None when it could not be decoded) and why it is a dead
        letter, which is never a value of its body; `codes` one letter each, from `publish.lua`.
        """
        now = time.time_ns() // 1_000_000
        stamp, levels = _timestamp(now), _enabled_levels()
        published: list[float] = []
        lines: list[str] = []
        for (notification, reason), code in zip(batch, codes.decode(), strict=True):
            if code not in _OUTCOMES:
                continue  # another worker published it, and logged it
            outcome, level, more = _OUTCOMES[code]
            one = notification or _UNREAD
            if not _plain(f"{one.receipt}{one.listener}{one.callback}"):
                one = _UNREAD  # somebody else wrote it
            took = max(0, now - (one.received or now))
            if outcome == "published":
                published.append(took / 1000)
            if level not in levels:
                continue
            if reason:
                more = f',"reason":{_json(reason).decode()}'
            lines.append(
                f'{{"receipt":"{one.receipt}","listener":"{one.listener}","kind":"{one.callback}",'
                f'"outcome":"{outcome}","milliseconds":{took}{more},'
                f'"event":"notification","level":"{level}","timestamp":"{stamp}"}}\n'
            )
        self._meter.times(PUBLISHED).all_took(published)
        self._write(lines)

    def delivered(self, sink: str, events: Iterable[bytes]) -> None:
        """Log that a sink has these events (JSON, as published)."""
        now = time.time_ns() // 1_000_000
        stamp = _timestamp(now)
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
        self._write(lines if "info" in _enabled_levels() else [])

    def write_metrics(self, *, soon: bool = False) -> None:
        """Add what was measured to the metrics in Redis; with `soon` at most once a second.

        Raises nothing: while Redis is away the measurements are kept for the next write.
        """
        if soon and time.monotonic() - self._written < EVERY:
            return
        self._written = time.monotonic()
        with contextlib.suppress(*DOWN):
            if command := self._meter.command():
                self._client.eval(*command)
                self._meter.written()

    def _write(self, lines: list[str]) -> None:
        logs.write(map(_for_terminal, lines) if self._readable else lines)
        self.write_metrics(soon=True)


def receipts(events: Iterable[bytes]) -> Iterator[str]:
    """Yield the receipt id of each event that has one, which all of ours have."""
    # Attributes stand before data, and quotes in texts are escaped: the first match is ours.
    for event in events:
        if found := _receipt(event):
            yield found[1].decode()


def _enabled_levels() -> frozenset[str]:
    """Return the log levels of which lines are written."""
    return frozenset(
        level
        for level in ("info", "warning")
        if log.is_enabled_for(getattr(logging, level.upper()))
    )


def _timestamp(now: int) -> str:
    return rfc3339(datetime.fromtimestamp(now / 1000, UTC))


def _for_terminal(line: str) -> str:
    members = _read(line)
    stamp, level, event = (members.pop(name) for name in ("timestamp", "level", "event"))
    fields = " ".join(f"{name}={value}" for name, value in members.items())
    return f"{stamp} [{level:<8}] {event:<14} {fields}\n"
