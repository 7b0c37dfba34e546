"""The history of one notification, from what is stored about it; without any number or text.

A receipt and an entry hold their time, which tells where to look. An event's id holds none: the
stream is read from its end, as far as the caller's budget goes.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import redis

from receiver.config.settings import Settings, SinkSettings
from receiver.contract.entry_ids import is_entry, order
from receiver.contract.records import decode_notification, decode_refusal
from receiver.contract.redis_keys import DEAD_LETTERS, EVENTS, GROUP, INBOUND, REJECTED
from receiver.contract.stored_values import text
from receiver.operations import dead_letters, repeated_event
from receiver.operations.event_subscription import subscriptions
from receiver.operations.look import EVERYTHING, Look, last_delivered
from receiver.operations.notification_entries import (
    FAR,
    Entry,
    NotAnId,
    find,
    is_receipt,
    milliseconds,
    read_event,
    receipts_of,
    received,
)
from receiver.operations.sink_progress import pending_of, progress


class Unknown(Exception):
    """The id is not one of ours, or nothing is stored under it any more, as far as was looked."""

    def __init__(self, words: str, reached: Mapping[str, str] | None = None) -> None:
        super().__init__(words)
        self.reached = dict(reached or {})
        """Stream -> the last entry looked at, where there are more."""


SOON_ENOUGH: Final = 5_000
"""Entries of one stream: some 50 ms."""


class Line(msgspec.Struct, frozen=True):
    """One thing that happened to a notification, or its state now."""

    at: int
    """Milliseconds since 1970."""
    what: str
    about: dict[str, Any] = {}


class Story(msgspec.Struct, frozen=True):
    """What is known of one receipt, in time order: that of a batch has several notifications."""

    receipt: str
    outcomes: list[str]
    lines: list[Line]
    streams: list[str] = []
    """Where the entry is that was asked for; entries of several streams may share an id."""
    reached: dict[str, str] = {}
    """Stream -> the last entry looked at, where the budget ended before the stream did."""


def explain(
    client: redis.Redis, name: str, settings: Settings, budget: int = EVERYTHING
) -> list[Story]:
    """Return the history of a receipt's, an event's or an entry's id; entries of several streams
    may share theirs. `budget` is how many entries of one stream are looked at in one search.

    Raises `Unknown` and `redis.RedisError`.
    """
    look = Look(client, budget)
    try:
        receipts = {name: []} if is_receipt(name) else receipts_of(look, name)
    except NotAnId as error:
        raise Unknown(str(error)) from None
    stories = [
        msgspec.structs.replace(story, streams=streams if is_entry(name) else [])
        for one, streams in receipts.items()
        if (story := _story(look, one, settings, budget))
    ]
    if not stories:
        raise Unknown(f"nothing is stored under {name} (any more)", look.reached)
    return stories


def explain_soon(client: redis.Redis, name: str, settings: Settings) -> list[Story]:
    """Return the history of an id as `explain` does, in the time that a person waits: what was
    written long after the notification came is looked at only where its history has no end without
    that. Raises `Unknown` and `redis.RedisError`.
    """
    try:
        stories = explain(client, name, settings, SOON_ENOUGH)
    except Unknown as unknown:
        if not unknown.reached:
            raise
    else:
        if all(map(_has_an_end, stories)):
            return stories
    return explain(client, name, settings)


def _has_an_end(story: Story) -> bool:
    said = {*story.outcomes, *(line.what for line in story.lines)}
    open_ends = said.intersection((_NO_OUTCOME, repeated_event.NOT_FOUND_YET))
    return not story.reached or not open_ends or "was given up" in said


def bodies(client: redis.Redis, receipt: str) -> list[bytes]:
    """Return the bodies that came under a receipt: the one of its request, or of a batch each of
    its notifications. Empty when none is stored (any more). Raises `redis.RedisError`.
    """
    return _bodies(Look(client), receipt) or _bodies(Look(client, earlier=FAR), receipt)


def _bodies(look: Look, receipt: str) -> list[bytes]:
    kept = [decode_notification(stored).body for _, stored in find(look, INBOUND, receipt)]
    return kept or [decode_refusal(stored).body for _, stored in find(look, REJECTED, receipt)]


def stored(client: redis.Redis, stream: str, story: Story, budget: int) -> Iterator[Entry]:
    """Yield a stream's entries of a story. Raises `redis.RedisError`."""
    since = min((line.at for line in story.lines if line.what in _FIRST), default=None)
    return find(Look(client, budget), stream, story.receipt, since)


def _story(look: Look, receipt: str, settings: Settings, budget: int) -> Story | None:
    lines, near = _lines(look, receipt, settings), look
    if not any(line.what in _FIRST for line in lines):  # its clock may have been well ahead
        look = Look(near.client, budget, earlier=FAR)
        lines += _lines(look, receipt, settings)
    if not any(line.what == "could not be understood" for line in lines):
        lines += _repeats(look, receipt, lines, settings)
    near.reached |= look.reached | near.reached
    if not lines:
        return None
    outcomes = sorted({_OUTCOMES[line.what] for line in lines if line.what in _OUTCOMES})
    came = Line(received(receipt), "received", {"receipt": receipt})
    return Story(
        receipt,
        outcomes or [_NO_OUTCOME],
        sorted([came, *lines], key=lambda line: line.at),
        reached=dict(near.reached),
    )


_FIRST: Final = frozenset({"rejected", "kept", "published"})
"""What is written soon after a notification has come."""
_NO_OUTCOME: Final = "duplicate, or what became of it is no longer stored"
_OUTCOMES: Final = {
    "rejected": "rejected",
    "waits for a worker": "open",
    "is with a worker": "open",
    "published": "published",
    "repeats": "duplicate",
    "could not be understood": "dead letter",
}


def _lines(look: Look, receipt: str, settings: Settings) -> list[Line]:
    return [
        *_rejected(look, receipt),
        *_kept(look, receipt),
        *_published(look, receipt, settings.sinks),
        *_dead(look, receipt),
    ]


def _rejected(look: Look, receipt: str) -> Iterator[Line]:
    for entry, stored in find(look, REJECTED, receipt):
        one = decode_refusal(stored)
        about = {"callback": one.callback, "listener": one.listener, "status": one.status}
        about |= {"entry": entry, "stream": REJECTED, "reason": one.reason}
        yield Line(milliseconds(entry), "rejected", about)


def _kept(look: Look, receipt: str) -> Iterator[Line]:
    found = list(find(look, INBOUND, receipt))
    last, pending = _at_workers(look.client, [entry for entry, _ in found])
    for entry, stored in found:
        one = decode_notification(stored)
        about = {"callback": one.callback, "listener": one.listener, "bytes": len(one.body)}
        yield Line(milliseconds(entry), "kept", {"entry": entry, "stream": INBOUND, **about})
        if order(entry) > last:
            yield Line(_now(), "waits for a worker", {"entry": entry})
            continue
        for each in pending[entry]:
            about = {"entry": entry, "worker": text(each["consumer"])}
            yield Line(_now(), "is with a worker", about | {"times": each["times_delivered"]})


def _at_workers(client: redis.Redis, entries: list[str]) -> tuple[tuple[int, int], dict[str, Any]]:
    """Return what was delivered to workers last, and of these entries what they have."""
    last = order((last_delivered(client, INBOUND, GROUP) if entries else None) or "0-0")
    return last, pending_of(client, INBOUND, GROUP, [one for one in entries if order(one) <= last])


def _published(look: Look, receipt: str, sinks: Sequence[SinkSettings]) -> Iterator[Line]:
    found = dict(find(look, EVENTS, receipt))
    stands = progress(look.client, found, sinks)
    said = subscriptions(look.client, found.values())
    for (entry, stored), subscription in zip(found.items(), said, strict=True):
        one = read_event(stored)
        about = {"entry": entry, "stream": EVENTS, "event": one.id, "type": one.type}
        yield Line(milliseconds(entry), "published", about | subscription)
        for who, what, more in stands[entry]:
            yield Line(_now(), what, {"event": one.id, "entry": entry, **who, **more})


def _repeats(look: Look, receipt: str, lines: list[Line], settings: Settings) -> Iterator[Line]:
    """Yield the earlier events that this notification repeats, once it has its outcome."""
    still_open = {line.about["entry"] for line in lines if line.what.endswith("a worker")}
    kept = [
        (entry, decode_notification(stored))
        for entry, stored in find(look, INBOUND, receipt)
        if entry not in still_open
    ]
    published = [line.about["event"] for line in lines if line.what == "published"]
    for entry, what, about in repeated_event.repeats(look, kept, published, settings):
        yield Line(milliseconds(entry), what, about)


def _dead(look: Look, receipt: str) -> Iterator[Line]:
    for entry, stored in find(look, DEAD_LETTERS, receipt):
        one = dead_letters.read(entry, stored).summary
        where = {"entry": entry, "stream": DEAD_LETTERS, "reason": one.reason}
        if one.kind == "event":
            about = {"event": one.event, "sink": one.sink, "attempts": one.attempts}
            yield Line(one.at, "was given up", about | where)
        else:
            about = {"callback": one.type, "listener": one.listener}
            yield Line(one.at, "could not be understood", about | where)


def _now() -> int:
    return time.time_ns() // 1_000_000
