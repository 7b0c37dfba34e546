"""The dead letters: found, sent on their way again, or dropped.

What is done to a letter is done in one script that takes it off the stream first, and only if it
is still there. So everything here may be repeated, and two operators may do it at once.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any, Final, Literal

import msgspec
import redis

from receiver.notification import (
    DEAD_LETTERS,
    INBOUND,
    LEDGER,
    SINKS,
    DeadLetter,
    Delivery,
    decode_dead_letter,
    decode_notification,
    encode,
    retry_due,
    retry_items,
)

PAGE: Final = 100
"""Letters read, and sent on, at a time; each may be as large as a body."""

# Its outcome is taken back: the notification is open again, and nothing of it was ever published
# or its identity claimed.
_REPLAY_NOTIFICATION: Final = """
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then
    return 0
end
redis.call('XADD', KEYS[2], '*', 'n', ARGV[2])
redis.call('HINCRBY', KEYS[3], 'dead', -1)
return 1
"""
_REPLAY_EVENT: Final = """
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then
    return 0
end
if redis.call('HSETNX', KEYS[2], ARGV[2], ARGV[3]) == 1 then
    redis.call('HINCRBY', KEYS[4], ARGV[5], 1)
end
redis.call('ZADD', KEYS[3], 'NX', ARGV[4], ARGV[2])
return 1
"""
# Its outcome stays: it was a dead letter, and now nobody can read it any more.
_DROP: Final = """
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then
    return 0
end
redis.call('HINCRBY', KEYS[2], 'dead_dropped', 1)
return 1
"""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a dead letter says without saying anything about a person."""

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
    """One dead letter as it lies on its stream."""

    summary: Summary
    letter: DeadLetter

    @property
    def body(self) -> bytes:
        """What the carrier sent, or the event that was not taken: it holds numbers and texts."""
        if self.summary.kind == "notification":
            return decode_notification(self.letter.notification).body
        return self.letter.event


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which letters: all conditions hold together, an empty one holds always."""

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
        """Whether this letter is meant."""
        return (
            (not self.ids or not self.ids.isdisjoint((one.id, one.receipt, one.event)))
            and (not self.sink or one.sink == self.sink)
            and (not self.reason or _like(one.reason.lower(), self.reason.lower()))
        )


def select(
    client: redis.Redis, wanted: Selection, passed: Callable[[int], None] = lambda _: None
) -> Iterator[Found]:
    """The letters that are there now and meant, oldest first. Raises `redis.RedisError`.

    What dies while this runs is left out, or a replay might go round for ever. `passed` is told how
    many were looked at.
    """
    newest: Any = client.xrevrange(DEAD_LETTERS, max=str(wanted.until - 1), count=1)
    at, last = str(wanted.since), newest[0][0].decode() if newest else "-"
    while newest:
        page: Any = client.xrange(DEAD_LETTERS, min=at, max=last, count=PAGE)
        if not page:
            return
        for entry, fields in page:
            found = read(entry.decode(), fields.get(b"d", b""))
            if wanted.holds(found.summary):
                yield found
        passed(len(page))
        at = f"({page[-1][0].decode()}"


def read(entry: str, stored: bytes) -> Found:
    """Understand one letter as far as it goes; never raises."""
    try:
        letter = decode_dead_letter(stored)
        about = _notification(letter) if letter.notification else _event(letter)
    except msgspec.MsgspecError:
        at = int(entry.partition("-")[0])
        letter = DeadLetter(at, "the dead letter itself cannot be read", b"", event=stored)
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


class Office:
    """Where letters are sent on or dropped, many at a time.

    Each method yields for every letter what became of it: `done`, `gone` (somebody else was faster)
    or, in words, why it failed.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._notification = client.register_script(_REPLAY_NOTIFICATION)
        self._event = client.register_script(_REPLAY_EVENT)
        self._drop = client.register_script(_DROP)

    def replay(self, letters: Iterable[Found], sinks: frozenset[str]) -> Iterator[tuple[str, str]]:
        """A notification goes back to the inbound stream, an event to its sink, due now.

        Nothing is changed in them, so that their ids stay what they are. `sinks` are those that
        are configured: to another one nothing is sent.
        """

        def ask(pipe: Any, found: Found) -> str:
            one, letter = found.summary, found.letter
            if one.kind == "notification":
                keys = [DEAD_LETTERS, INBOUND, LEDGER]
                self._notification(keys=keys, args=[one.id, letter.notification], client=pipe)
                return ""
            if one.kind == "unreadable" or not letter.event:
                return "nothing is left of it that could be sent"
            if one.sink not in sinks:
                return f"there is no sink {one.sink!r} in receiver.toml"
            self._again(pipe, found)
            return ""

        return self._each(letters, ask)

    def drop(self, letters: Iterable[Found]) -> Iterator[tuple[str, str]]:
        """For ever; the ledger counts it."""

        def ask(pipe: Any, found: Found) -> str:
            self._drop(keys=[DEAD_LETTERS, LEDGER], args=[found.summary.id], client=pipe)
            return ""

        return self._each(letters, ask)

    def _again(self, pipe: Any, found: Found) -> None:
        letter, now = found.letter, time.time_ns() // 1_000_000
        entry = letter.entry or found.summary.id
        delivery = encode(Delivery(entry, letter.event, now))
        self._event(
            keys=[DEAD_LETTERS, retry_items(letter.sink), retry_due(letter.sink), SINKS],
            args=[found.summary.id, entry, delivery, now, f"{letter.sink}:replayed"],
            client=pipe,
        )

    def _each(
        self, letters: Iterable[Found], ask: Callable[[Any, Found], str]
    ) -> Iterator[tuple[str, str]]:
        source = iter(letters)
        while page := list(islice(source, PAGE)):
            pipe = self._client.pipeline(transaction=False)
            refused = [ask(pipe, found) for found in page]
            answers = iter(pipe.execute(raise_on_error=False))
            for found, fault in zip(page, refused, strict=True):
                yield found.summary.id, fault or _outcome(next(answers))


def _outcome(answer: object) -> str:
    if isinstance(answer, Exception):
        return f"Redis: {answer}"
    return "done" if answer else "gone"


def _like(text: str, wanted: str) -> bool:
    return fnmatchcase(text, wanted) if any(c in wanted for c in "*?[") else wanted in text


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
    """A letter without anything in it is one too: of an entry that was gone from its stream."""
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
