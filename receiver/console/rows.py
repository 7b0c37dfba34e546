"""The rows of the live tail: entries of four streams as what happened to a notification."""

from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec

from receiver.console.mask import Masks
from receiver.contract.records import decode_notification, decode_refusal
from receiver.contract.redis_keys import DEAD_LETTERS, EVENTS, INBOUND, REJECTED
from receiver.contract.stored_values import UNREADABLE
from receiver.operations import dead_letters
from receiver.operations.notification_entries import read_event, received

Outcome = Literal["kept", "published", "duplicate", "dead letter", "rejected"]


class Row(msgspec.Struct, frozen=True):
    """What the tail shows of one notification, without anything of a person."""

    receipt: str
    at: int
    """When it was received: milliseconds since 1970."""
    outcome: Outcome
    what: str
    """The event's type, else the carrier's callback."""
    listener: str
    subject: str = ""
    """Masked."""
    milliseconds: int = 0
    """From receipt to the event; 0 where there is none."""
    entry: str = ""
    """The entry of its stream."""
    note: str = ""
    """Why it was refused or given up."""


def _kept(entry: str, stored: bytes, _: Masks) -> Row:
    one = decode_notification(stored)
    return Row(one.receipt, one.received, "kept", one.callback, one.listener, entry=entry)


def _published(entry: str, stored: bytes, masks: Masks) -> Row:
    one = read_event(stored)
    at = received(one.receiptid)
    return Row(
        receipt=one.receiptid,
        at=at,
        outcome="published",
        what=one.type,
        listener=one.source.rpartition("/")[2],
        subject=masks.number(one.subject) if one.subject else "",
        milliseconds=max(0, int(entry.partition("-")[0]) - at),
        entry=entry,
    )


def _dead(entry: str, stored: bytes, _: Masks) -> Row:
    one = dead_letters.read(entry, stored).summary
    note = f"{one.sink}: {one.reason}" if one.sink else one.reason
    return Row(one.receipt, one.at, "dead letter", one.type, one.listener, entry=entry, note=note)


def _rejected(entry: str, stored: bytes, _: Masks) -> Row:
    one = decode_refusal(stored)
    note = f"{one.status}: {one.reason}"
    at, where = one.received, one.listener
    return Row(one.receipt, at, "rejected", one.callback, where, entry=entry, note=note)


STREAMS: Final[dict[str, tuple[bytes, Callable[[str, bytes, Masks], Row]]]] = {
    INBOUND: (b"n", _kept),
    EVENTS: (b"event", _published),
    DEAD_LETTERS: (b"d", _dead),
    REJECTED: (b"r", _rejected),
}
"""Stream -> its field, and what makes a row of it."""


def row(stream: str, entry: str, fields: dict[bytes, bytes], masks: Masks) -> Row | None:
    """Return the row of one entry; None for what somebody else wrote."""
    name, make = STREAMS[stream]
    try:
        found = make(entry, fields.get(name, b""), masks)
    except (*UNREADABLE, ValueError):
        return None
    return found if found.receipt else None


def latest(rows: list[Row]) -> dict[str, Row]:
    """Return of each receipt its latest row, in the order in which receipts first came."""
    found: dict[str, Row] = {}
    for one in rows:
        known = found.get(one.receipt)
        if known is None or one.outcome != "kept":
            found[one.receipt] = one
    return found


class Filter(msgspec.Struct, frozen=True):
    """Which rows somebody wants to see; an empty condition always holds."""

    type: str = ""
    """How the type or the callback begins."""
    listener: str = ""
    outcome: str = ""

    def holds(self, one: Row) -> bool:
        """Return whether a row is wanted."""
        return (
            one.what.startswith(self.type)
            and self.listener in ("", one.listener)
            and self.outcome in ("", one.outcome)
        )


def filter_of(query: Any) -> Filter:
    """Return the filter in the query of an address."""
    return Filter(*(query.get(name, "")[:64] for name in ("type", "listener", "outcome")))
