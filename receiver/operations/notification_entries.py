"""Finding the entries that belong to one receipt, event or entry, on the streams that keep them."""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, Final

import msgspec
import redis

from receiver.contract.entry_ids import is_entry, order
from receiver.contract.records import decode_notification, decode_refusal
from receiver.contract.redis_keys import DEAD_LETTERS, EVENTS, INBOUND, REJECTED
from receiver.contract.stored_values import UNREADABLE
from receiver.operations import dead_letters
from receiver.operations.look import Look, Page

BEFORE: Final = 2_000
"""Milliseconds that the clocks of the web process and of Redis may differ."""
FAR: Final = 24 * 3_600_000
"""Milliseconds that they may differ where nobody has set them: so much earlier is looked for what
is not found otherwise."""
FIELDS: Final = {INBOUND: b"n", REJECTED: b"r", EVENTS: b"event", DEAD_LETTERS: b"d"}
_RECEIPT: Final = re.compile(r"[0-9a-f]{27}").fullmatch
_EVENT: Final = re.compile(r"[0-9a-f]{32}").fullmatch

Entry = tuple[str, bytes]
"""A stream id and the entry's one field."""


class NotAnId(ValueError):
    """What was asked for has the form of no id of ours."""


class _Event(msgspec.Struct):
    id: str = ""
    type: str = ""
    source: str = ""
    subject: str = ""
    receiptid: str = ""


read_event = msgspec.json.Decoder(_Event).decode


def is_receipt(name: str) -> bool:
    """Return whether an id has the form of a receipt."""
    return bool(_RECEIPT(name))


_RECEIPT_IN: Final[dict[str, Callable[[Entry], str]]] = {
    DEAD_LETTERS: lambda one: dead_letters.read(*one).summary.receipt,
    INBOUND: lambda one: decode_notification(one[1]).receipt,
    EVENTS: lambda one: read_event(one[1]).receiptid,
    REJECTED: lambda one: decode_refusal(one[1]).receipt,
}


def receipts_of(look: Look, name: str) -> dict[str, list[str]]:
    """Return the receipts that an event or an entry has, each with the streams on which it was
    found. Raises `NotAnId`.
    """
    if is_entry(name):
        found = [(at, one) for at in _RECEIPT_IN for one in _at(look.client, at, name)]
    elif _EVENT(name):
        found = list(_event_entry(look, f'"id":"{name}"'.encode()))
    else:
        raise NotAnId(f"{name!r} is not the id of a receipt, of an event or of a stream's entry")
    receipts: dict[str, list[str]] = {}
    for at, one in found:
        if _RECEIPT(receipt := _receipt_in(at, one)):
            receipts.setdefault(receipt, []).append(at)
    return receipts


def _receipt_in(stream: str, one: Entry) -> str:
    """Return an entry's receipt; empty for what somebody else wrote there."""
    try:
        return _RECEIPT_IN[stream](one)
    except UNREADABLE:
        return ""


def find(look: Look, stream: str, receipt: str, since: int | None = None) -> Iterator[Entry]:
    """Yield a stream's entries with this receipt; those of one request stand close together. All of
    them can be decoded. `since`: when the first was written (ms), where that is known.
    """
    words, at = receipt.encode(), received(receipt) if since is None else since
    first = max(0, at - BEFORE)
    if look.earlier:
        last, begin = str(max(0, first - 1)), str(max(0, first - look.earlier))
        pages = look.back(stream, last, words, begin)
        yield from reversed(list(_among(pages, stream, receipt)))
    else:
        yield from _among(look.on(stream, str(first), words), stream, receipt)


def _among(pages: Iterable[Page], stream: str, receipt: str) -> Iterator[Entry]:
    """Yield the entries with this receipt, up to the first page without one after them."""
    words, found = receipt.encode(), False
    for page in pages:
        stored = ((entry, fields.get(FIELDS[stream], b"")) for entry, fields in page)
        matching = [
            one for one in stored if words in one[1] and _receipt_in(stream, one) == receipt
        ]
        yield from matching
        if found and not matching:
            return
        found = found or bool(matching)


def _event_entry(look: Look, words: bytes) -> Iterator[tuple[str, Entry]]:
    """Yield the event with these words, from its stream or from the dead letters."""
    for stream in (EVENTS, DEAD_LETTERS):
        for entry, fields in chain.from_iterable(look.back(stream, words=words)):
            stored = fields.get(FIELDS[stream], b"")
            if words in stored:
                yield stream, (entry, stored)
                return


def _at(client: redis.Redis, stream: str, entry: str) -> list[Entry]:
    page: Any = client.xrange(stream, entry, entry, count=1)
    return [(entry, fields.get(FIELDS[stream], b"")) for _, fields in page]


def received(receipt: str) -> int:
    """Return when a receipt was given, in milliseconds since 1970; 0 for what is none."""
    try:
        return int(receipt[:11], 16)
    except ValueError:
        return 0


def milliseconds(entry: str) -> int:
    """Return when an entry was written, since 1970."""
    return order(entry)[0]
