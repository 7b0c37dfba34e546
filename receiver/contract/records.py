"""The records stored in Redis, encoded as msgpack.

The edge and the commands write them, the workers read them, and the other way round.
"""

from typing import Annotated

import msgspec


def sequence(entry: str) -> str:
    """Return the CloudEvents attribute `sequence` of an entry of `EVENTS`; its values order as
    text.

    CloudEvents extension "sequence": a string that orders events lexicographically.
    """
    milliseconds, _, number = entry.partition("-")
    return f"{milliseconds:0>13}-{number:0>10}"


def numbered(entry: str, event: bytes) -> bytes:
    """Return an event as it is sent: with `sequence`, from its entry on the stream. It must begin
    with `{`.
    """
    return b'{"sequence":"' + sequence(entry).encode() + b'",' + event[1:]


class Notification(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One notification as it came in, before anybody has understood it.

    Array-like: fields are told apart by position on the wire, so new ones go to the end and have
    a default.
    """

    callback: str
    """Name of the carrier's callback, such as `att.sms.mo` (`receiver.carriers.CALLBACKS`)."""
    listener: str
    """Which registered URL of ours it came to."""
    receipt: str
    """Receipt id, ours, unique: what the sender was told and what every log line carries."""
    received: int
    """When the last body byte was in: milliseconds since 1970, UTC."""
    content_type: str
    """As sent, a long one shortened; empty when there was none."""
    body: bytes
    """The carrier's body (CloudEvents binary mode rebuilt as JSON, batches split)."""
    trace: str = ""
    """The request's span (`receiver.runtime.tracing.context`); empty without traces."""

    attempt: str = ""
    """The subscription whose credential it came with: attempt, generation and slot, parted by
    blanks; empty for all other credentials."""
    asked: str = ""
    """Where it was fetched: the path of our own request, without its query, which says what it is
    about (registration, message id) and in which signature; empty for what was pushed."""
    headers: tuple[tuple[str, str], ...] = ()
    """Those headers of its request that `RECEIVER_KEEP_HEADERS` names, without credentials."""
    item: int = 0
    """Which of the items of its request it is, as all of these share their receipt."""


class Refusal(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One authentic request, or item of a batch, that was refused, kept with its reason."""

    callback: str
    listener: str
    receipt: str
    received: int
    status: int
    """What the sender was answered (or, for an item of a batch, would have been alone)."""
    reason: str
    """Names the fault, never a value of the body."""
    headers: list[tuple[str, str]]
    """As sent, without credentials."""
    body: bytes


class DeadLetter(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A notification that could not be normalised, or an event that could not be delivered."""

    at: int
    """When it was given up: milliseconds since 1970, UTC."""
    reason: str
    """Names the fault, never a value of the body."""
    notification: bytes
    """The encoded `Notification`, or empty when it is an event."""
    sink: str = ""
    """The sink that did not take it; empty for a notification."""
    event: bytes = b""
    """The event's JSON as it is on `EVENTS`, or empty when it is a notification."""
    attempts: int = 0
    entry: str = ""
    """The event's entry on `EVENTS`; gives its `sequence`, and its name in `retry_due`."""


class Delivery(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One event on its way to one sink that did not take it yet, or is to get it again."""

    entry: str
    """Its entry on `EVENTS`."""
    event: bytes
    """Its JSON as it is on `EVENTS`, plus `"replayed":true` when somebody asked for it again."""
    first: int
    """When it was first tried, or asked for again: milliseconds since 1970, UTC."""
    attempts: int = 0
    reason: str = ""
    """Why the last attempt failed; never a value of the event."""
    alone: bool = False
    """It was refused in a batch: it goes by itself now, to see whether it is the one at fault."""


class Attempt(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One attempt to deliver one event to a sink that is asked by requests."""

    sink: str
    entry: str
    """The event's entry on `EVENTS`."""
    number: int
    """1 for the first attempt at this delivery."""
    at: int
    """When it was answered: milliseconds since 1970, UTC, by the worker's clock."""
    milliseconds: int
    """How long the request took; others may have been in it."""
    status: int
    """Of the HTTP response; 0 where there was none."""
    reason: str
    """Why it failed, empty where it did not; never a value of the event."""
    answer: bytes = b""
    """The first 512 bytes of the response's body, as the consumer sent them."""


class Sample(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The counts of one moment, as `workers/maintenance/sample_history.lua` writes them."""

    accepted: int
    """Notifications acknowledged so far; the next three are counts so far too."""
    rejected: int
    dead: int
    """Notifications that could not be understood."""
    failed_attempts: int
    """Attempts to deliver, of all sinks."""
    open: int
    """Notifications without an outcome at that moment."""
    undelivered: int
    """Deliveries to do at that moment, of all sinks."""
    published: list[int]
    """From receipt to the event: how many so far in each bucket of
    `receiver.metrics.counters.BOUNDS`, and in the one that takes the rest."""


_Digits = Annotated[str, msgspec.Meta(pattern="^[0-9]+$")]


class EraseParked(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is to be erased from the parked events of a sink."""

    name: str
    """Of the request: no other one has it."""
    digits: Annotated[list[_Digits], msgspec.Meta(min_length=1)]
    """A person's telephone numbers, with their country codes."""


class EraseSpooled(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is to be erased from the spools."""

    name: str
    """Of the request: no other one has it."""
    digits: Annotated[list[_Digits], msgspec.Meta(min_length=1)]
    """A person's telephone numbers, with their country codes."""
    dry_run: bool


class SpoolErased(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a web process has erased from the files of its spool."""

    request: str
    notifications: int
    refusals: int
    files: list[str]
    """Those of the directory that it has."""
    others: list[str]
    """Those that hold something and which it has not."""
    unread: list[str]
    """Those of the directory that nobody can look through, or keeps aside."""
    trouble: str
    """Why it is not done; empty where it is."""


encode = msgspec.msgpack.Encoder().encode
"""Encodes any of these."""
decode_notification = msgspec.msgpack.Decoder(Notification).decode
"""Raises one of `receiver.contract.stored_values.UNREADABLE` on what `encode` did not write."""
decode_refusal = msgspec.msgpack.Decoder(Refusal).decode
decode_dead_letter = msgspec.msgpack.Decoder(DeadLetter).decode
decode_delivery = msgspec.msgpack.Decoder(Delivery).decode
decode_attempt = msgspec.msgpack.Decoder(Attempt).decode
decode_erase_parked = msgspec.msgpack.Decoder(EraseParked).decode
decode_erase_spooled = msgspec.msgpack.Decoder(EraseSpooled).decode
decode_spool_erased = msgspec.msgpack.Decoder(SpoolErased).decode
decode_sample = msgspec.msgpack.Decoder(Sample).decode
