"""The stored attempts to deliver: of one sink the newest, and those of some events."""

from collections.abc import Collection, Iterable
from functools import partial
from itertools import chain
from typing import Any, Final

import redis

from receiver.contract.records import Attempt, decode_attempt
from receiver.contract.redis_keys import DELIVERIES, sink_deliveries
from receiver.contract.stored_values import decoded
from receiver.operations.look import Look
from receiver.runtime.redis_errors import unless_foreign

NEWEST: Final = 200
BUDGET: Final = 5_000
"""Failed attempts, of all events, that are looked at for those of some events."""


def newest(client: redis.Redis, sink: str, count: int = NEWEST) -> list[Attempt]:
    """Return a sink's newest attempts, newest first. Raises `redis.RedisError`."""
    found: Any = client.xrevrange(sink_deliveries(sink), count=count)
    return _read(fields for _, fields in found)


def of_events(client: redis.Redis, entries: Collection[str], sinks: Iterable[str]) -> list[Attempt]:
    """Return the attempts at the events of these entries, event by event, oldest first: the failed
    ones soon after the first event, and what is among the newest of these sinks. Raises
    `redis.RedisError`.
    """
    if not entries:
        return []
    words = next(iter(entries)).encode() if len(entries) == 1 else b""
    begun = str(min(int(entry.partition("-")[0]) for entry in entries))
    pages = Look(client, BUDGET).on(DELIVERIES, begun, words)
    stored = unless_foreign(lambda: [*chain.from_iterable(pages)], [])
    failed = _read(fields for _, fields in stored if words in fields.get(b"a", b""))
    each = (unless_foreign(partial(newest, client, name), []) for name in sinks)
    found = set(chain.from_iterable(each))
    own = {one for one in (*failed, *found) if one.entry in entries}
    return sorted(own, key=lambda one: (one.entry, one.at, one.number))


def _read(entries: Iterable[dict[bytes, bytes]]) -> list[Attempt]:
    """Return the attempts that can be read: somebody else may have written there."""
    attempts = (decoded(decode_attempt, fields.get(b"a")) for fields in entries)
    return [one for one in attempts if one]
