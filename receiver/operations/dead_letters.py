"""Reading and selecting dead letters."""

from collections import Counter
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from itertools import chain
from typing import Any, Final, Literal

import msgspec
import redis

from receiver.contract.entry_ids import is_entry, order
from receiver.contract.records import DeadLetter, decode_dead_letter, decode_notification
from receiver.contract.redis_keys import DEAD_LETTERS
from receiver.contract.stored_values import UNREADABLE, decoded
from receiver.operations.look import Look

NOT_READ: Final = "the dead letter itself cannot be read"
PAGE: Final = 100
"""Letters that are acted on at a time; each may be as large as a body."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The properties of a dead letter that name no person."""

    id: str
    """Entry on the dead letter stream."""
    at: int
    """When it was given up: milliseconds since 1970, UTC."""
    kind: Literal["notification", "event", "unreadable"]
    type: str = ""
    """The carrier's callback, or the event's type."""
    listener: str = ""
    receipt: str = ""
    event: str = ""
    """The event's id."""
    sink: str = ""
    attempts: int = 0
    reason: str = ""
    bytes: int = 0


class Found(msgspec.Struct, frozen=True):
    """One dead letter and its id on its stream."""

    summary: Summary
    letter: DeadLetter

    @property
    def body(self) -> bytes:
        """Return what the carrier sent, or the undelivered event: it holds numbers and texts."""
        if self.summary.kind == "notification":
            return decode_notification(self.letter.notification).body
        return self.letter.event


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """The conditions for dead letters: all hold together, an empty one always holds."""

    ids: frozenset[str] = frozenset()
    """Of the letter, or of the receipt or event in it."""
    sink: str = ""
    reason: str = ""
    """A part of the reason, or a glob over all of it; upper and lower case are the same."""
    since: int = 0
    """Given up at this time or later: milliseconds since 1970."""
    until: int = 2**53
    """Given up before this time."""

    def holds(self, one: Summary) -> bool:
        """Return whether a dead letter meets all conditions."""
        named = not self.ids or not self.ids.isdisjoint((one.id, one.receipt, one.event))
        return named and self._admits(one.sink, one.reason)

    def may_hold(self, letter: DeadLetter) -> bool:
        """Return whether a dead letter may meet them, before what is in it is decoded."""
        return self._admits(letter.sink, letter.reason) or self._admits(letter.sink, NOT_READ)

    def _admits(self, sink: str, reason: str) -> bool:
        return self.sink in ("", sink) and (
            not self.reason or _like(reason.lower(), self.reason.lower())
        )


def select(
    client: redis.Redis, wanted: Selection, passed: Callable[[int], None] = lambda _: None
) -> Iterator[Found]:
    """Yield the selected dead letters that are stored now, oldest first. Raises `redis.RedisError`.

    What dies while this runs is left out, or a replay might go round for ever. `passed` is told how
    many were looked at; letters named by their own ids are found without looking at others.
    """
    if wanted.ids and all(map(is_entry, wanted.ids)):
        for entry in sorted(wanted.ids, key=order):
            within = wanted.since <= order(entry)[0] < wanted.until
            if within and (named := get(client, entry)) and wanted.holds(named.summary):
                yield named
        return
    if wanted.until <= wanted.since:
        return
    for page in Look(client).all(DEAD_LETTERS, str(wanted.since), str(wanted.until - 1)):
        for entry, fields in page:
            found = read(entry, fields.get(b"d", b""))
            if wanted.holds(found.summary):
                yield found
        passed(len(page))


def newest(
    client: redis.Redis, wanted: Selection, before: str = "", count: int = 50, budget: int = 5_000
) -> tuple[list[Found], str]:
    """Return at most `count` of the selected dead letters, newest first, from before an entry, and
    the entry to go on before: empty once there are no more. At most `budget` are looked at. Raises
    `redis.RedisError`.
    """
    rows: list[Found] = []
    look = Look(client, budget)
    pages = look.back(DEAD_LETTERS, f"({before}" if before else "+")
    for entry, fields in chain.from_iterable(pages):
        stored = fields.get(b"d", b"")
        letter = decoded(decode_dead_letter, stored)
        if letter and not wanted.may_hold(letter):
            continue
        found = read(entry, stored)
        if wanted.since <= found.summary.at < wanted.until and wanted.holds(found.summary):
            rows.append(found)
            if len(rows) == count:
                return rows, entry
    return rows, look.reached.get(DEAD_LETTERS, "")


def reasons(client: redis.Redis, count: int) -> Counter[tuple[str, str]]:
    """Return how many of the newest so many went for which sink (empty for notifications) and
    reason. Raises `redis.RedisError`.
    """
    pages = Look(client, count).back(DEAD_LETTERS)
    stored = (fields.get(b"d", b"") for _, fields in chain.from_iterable(pages))
    letters = (decoded(decode_dead_letter, one) for one in stored)
    return Counter((one.sink, one.reason) if one else ("", NOT_READ) for one in letters)


def get(client: redis.Redis, entry: str) -> Found | None:
    """Return the dead letter of an entry, or None. Raises `redis.RedisError`."""
    page: Any = client.xrange(DEAD_LETTERS, entry, entry, count=1)
    return read(entry, page[0][1].get(b"d", b"")) if page else None


def read(entry: str, stored: bytes) -> Found:
    """Decode one dead letter as far as possible; never raises."""
    try:
        letter = decode_dead_letter(stored)
        about = _notification(letter) if letter.notification else _event(letter)
    except UNREADABLE:
        at = int(entry.partition("-")[0])
        letter = DeadLetter(at, NOT_READ, b"", event=stored)
        about = {"kind": "unreadable"}
    summary = Summary(
        id=entry,
        at=letter.at,
        sink=letter.sink,
        attempts=letter.attempts,
        reason=letter.reason,
        bytes=len(stored),
        **about,
    )
    return Found(summary, letter)


def _like(text: str, wanted: str) -> bool:
    # As it stands first: reasons name paths, whose brackets are no glob.
    return wanted in text or fnmatchcase(text, wanted)


def _notification(letter: DeadLetter) -> dict[str, Any]:
    said = decode_notification(letter.notification)
    return {
        "kind": "notification",
        "type": said.callback,
        "listener": said.listener,
        "receipt": said.receipt,
    }


class _Event(msgspec.Struct):
    id: str
    type: str
    source: str
    receiptid: str = ""


_decode_event = msgspec.json.Decoder(_Event).decode


def _event(letter: DeadLetter) -> dict[str, Any]:
    """Describe a letter's event; one without an event is of an entry gone from its stream."""
    if not letter.event:
        return {"kind": "unreadable"}
    said = _decode_event(letter.event)
    return {
        "kind": "event",
        "type": said.type,
        "listener": said.source.rpartition("/")[2],
        "receipt": said.receiptid,
        "event": said.id,
    }
