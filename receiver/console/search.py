"""Search by content: a paced look at the newest notifications first; nothing is indexed for it."""

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any, AnyStr, Final

import msgspec
import redis

from receiver.console.mask import Masks
from receiver.console.rows import Row, row
from receiver.contract.redis_keys import EVENTS
from receiver.operations.look import FIRST, more

PAGE: Final = 500
"""Events of one step, fewer where they are large."""
MOST_FOUND: Final = 200
SECONDS: Final = 60.0
"""How long one search looks; the page offers to go on."""
PAUSE: Final = 0.01
"""Seconds between two steps: others use this Redis too."""
WINDOWS: Final = {"24 hours": 24, "7 days": 168}

_busy = threading.Lock()


class Busy(Exception):
    """Somebody else searches: one at a time, for Redis' sake."""


class Step(msgspec.Struct, frozen=True):
    """What was found on one page of the stream, and how far the search has looked with it."""

    rows: list[Row]
    looked_at: int
    """Events, from the beginning on."""
    back_to: int
    """Milliseconds since 1970 of the oldest that was looked at; 0 when nothing was."""
    go_on: str
    """The entry to go on before; empty at the end of the window."""


def search(
    client: redis.Redis, masks: Masks, text: str, hours: int, before: str = ""
) -> Iterator[Step]:
    """Yield events with a number, a message id or a text in them, newest first, from before an
    entry, page by page; wait for `PAUSE` between two of them. Whoever ends it early closes it:
    nobody else may search until then. Raises `Busy` and `redis.RedisError`.
    """
    if not _busy.acquire(blocking=False):
        raise Busy
    try:
        yield from _search(client, masks, _finder(text), hours, before)
    finally:
        _busy.release()


def _search(
    client: redis.Redis, masks: Masks, is_in: Callable[[bytes], bool], hours: int, at: str
) -> Iterator[Step]:
    seconds, _ = client.time()
    oldest = f"{(seconds - hours * 3600) * 1000}-0"
    looked_at, count = 0, min(FIRST, PAGE)
    while True:
        page: Any = client.xrevrange(EVENTS, f"({at}" if at else "+", oldest, count=count)
        rows: list[Row] = []
        size = 0
        for entry, fields in page:
            at, looked_at = entry.decode(), looked_at + 1
            stored = fields.get(b"event", b"")
            size += len(stored)
            if is_in(stored):
                rows += [found] if (found := row(EVENTS, at, fields, masks)) else []
        ended, count = len(page) < count, more(count, size, PAGE)
        yield Step(rows, looked_at, int(at.partition("-")[0] or 0), "" if ended else at)
        if ended:
            return


def _finder(text: str) -> Callable[[bytes], bool]:
    """Return what says whether an event has the text in it as JSON writes it, or a number's digits
    alone; capital letters are small ones.
    """
    # Each letter by itself: `lower` makes of a sigma at the end of a word another letter.
    needles = [msgspec.json.encode(text)[1:-1].decode().casefold()]
    digits = re.sub(r"[^0-9]", "", text)
    if len(digits) >= 6 and not any(map(str.isalpha, text)):
        needles.append(digits)
    if not text.isascii():
        return lambda stored: _has(stored.decode("utf-8", "replace").casefold(), needles)
    octets = [one.encode() for one in needles]  # which is faster
    return lambda stored: _has(stored.lower(), octets)


def _has(stored: AnyStr, needles: list[AnyStr]) -> bool:
    return any(one in stored for one in needles)
