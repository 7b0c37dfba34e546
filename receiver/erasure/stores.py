"""The places that hold what came in and what went out, read page by page for one person.

Nothing is erased here: `receiver.erasure.erase` does that with what is found, and `receiver
export-person` prints it.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal

import msgspec
import redis

from receiver.contract.records import (
    decode_attempt,
    decode_dead_letter,
    decode_notification,
    decode_refusal,
)
from receiver.contract.redis_keys import (
    DEAD_LETTERS,
    DELIVERIES,
    EVENTS,
    INBOUND,
    REJECTED,
    WATCHES,
    poll_devices,
    polled_device,
    retry_items,
    sink_deliveries,
)
from receiver.contract.stored_values import decoded
from receiver.erasure.person import Person
from receiver.operations import look
from receiver.operations.look import Look

_Kind = Literal["notification", "event", "dead-letter", "rejected", "delivery", "attempt", "copy"]
Kind = _Kind | Literal["watch", "device-state", "subscription"]
"""`delivery` waits for another attempt at a sink; `attempt` is the record of one that was made;
`watch` is of a sent message whose delivery status is asked for; `device-state` is what a polled
device said last; `subscription` is to a device, and
is not erased (`receiver.erasure.subscribed`); `copy` is an event on a stream of the company's own
that a sink fills."""

_About = Callable[[bytes], bool]


class Found(msgspec.Struct, frozen=True):
    """One stored thing about a person."""

    kind: Kind
    key: str
    """The Redis key that holds it."""
    entry: str
    """Its entry there, or its field: where somebody else wrote that, with `surrogateescape`."""
    stored: bytes
    """As it is stored: JSON of an event, else msgpack (`receiver.contract.records`)."""


def find(
    client: redis.Redis,
    person: Person,
    sinks: Sequence[str],
    copies: Sequence[str] = (),
    passed: Callable[[int], None] = lambda _: None,
) -> Iterator[Found]:
    """Yield all that Redis has about a person. `sinks` are all there ever were; `copies` the
    company's streams that are to be looked through; `passed` is told how many were looked at.
    Raises `redis.RedisError`.
    """
    # In the order in which things go from one place to the next: what moves on meanwhile is found.
    yield from find_published(client, person, passed)
    yield from find_sent(client, person, sinks, copies, passed)


def find_in(
    client: redis.Redis,
    person: Person,
    after: str = "0-0",
    passed: Callable[[int], None] = lambda _: None,
) -> Iterator[Found]:
    """Yield what came in after an entry. Raises `redis.RedisError`."""
    about = partial(names_in_notification, person)
    yield from _in_stream(client, passed, "notification", INBOUND, b"n", about, after)


def find_published(
    client: redis.Redis, person: Person, passed: Callable[[int], None]
) -> Iterator[Found]:
    """Yield what came in, and its events: what may yet be parked, or sent to a sink."""
    yield from find_in(client, person, passed=passed)
    yield from _in_stream(client, passed, "event", EVENTS, b"event", person.in_bytes)


def find_sent(
    client: redis.Redis,
    person: Person,
    sinks: Sequence[str],
    copies: Sequence[str],
    passed: Callable[[int], None],
) -> Iterator[Found]:
    """Yield what is beyond that, also what has come back from where it was parked."""
    stream, names = partial(_in_stream, client, passed), person.in_bytes
    for sink in sinks:
        yield from in_hash(client, ("delivery", retry_items(sink)), names, passed)
    yield from stream("dead-letter", DEAD_LETTERS, b"d", partial(_dead_letter, person))
    yield from stream("rejected", REJECTED, b"r", partial(names_in_refusal, person))
    for key in (DELIVERIES, *map(sink_deliveries, sinks)):
        yield from stream("attempt", key, b"a", partial(_attempt, person))
    yield from in_hash(client, ("watch", WATCHES), names, passed)
    yield from _device_states(client, person)
    for copy in copies:
        yield from stream("copy", copy, b"event", names)


def _in_stream(
    client: redis.Redis,
    passed: Callable[[int], None],
    kind: Kind,
    key: str,
    field: bytes,
    about: _About,
    after: str = "0-0",
) -> Iterator[Found]:
    for page in Look(client).all(key, f"({after}"):
        for entry, fields in page:
            stored = fields.get(field, b"")
            if about(stored):
                yield Found(kind, key, entry, stored)
        passed(len(page))


def in_hash(
    client: redis.Redis, where: tuple[Kind, str], about: _About, passed: Callable[[int], None]
) -> Iterator[Found]:
    """Yield the fields of a hash whose values are about the person; `where` is their kind and the
    hash. Raises `redis.RedisError`.
    """
    kind, key = where
    cursor, count = -1, look.FIRST
    while cursor:
        found: Any = client.hscan(key, max(0, cursor), count=count)
        cursor, fields = found
        for entry, stored in fields.items():
            if about(stored):
                yield Found(kind, key, entry.decode("utf-8", "surrogateescape"), stored)
        passed(len(fields))
        size = sum(map(len, fields.values()))
        count = look.more(len(fields), size) if fields else min(look.PAGE, 2 * count)


def _device_states(client: Any, person: Person) -> Iterator[Found]:
    """Yield the last states of devices, which stand under their digests."""
    names = [polled_device({"phoneNumber": f"+{digits}"}) for digits in person.digits]
    for key in client.scan_iter(poll_devices("*"), count=1000):
        for name, stored in zip(names, client.hmget(key, names), strict=True):
            if stored is not None:
                yield Found("device-state", key.decode(), name, stored)


def as_stored(name: str) -> bytes:
    """Return the field of a hash by what `Found.entry` says."""
    return name.encode("utf-8", "surrogateescape")


def names_in_notification(person: Person, raw: bytes) -> bool:
    """Tell whether an encoded notification is about the person."""
    if person.in_bytes(raw):
        return True
    found = decoded(decode_notification, raw)
    return found is not None and person.in_notification(found)


def _dead_letter(person: Person, raw: bytes) -> bool:
    if person.in_bytes(raw):
        return True
    letter = decoded(decode_dead_letter, raw)
    return letter is not None and names_in_notification(person, letter.notification)


def names_in_refusal(person: Person, raw: bytes) -> bool:
    """Tell whether an encoded refusal is about the person."""
    found = decoded(decode_refusal, raw)
    return person.in_refusal(found) if found else person.in_bytes(raw)


def _attempt(person: Person, raw: bytes) -> bool:
    found = decoded(decode_attempt, raw)
    return person.in_bytes(found.answer if found else raw)
