"""The oldest event that waits for a sink: in its consumer group, or among its retries."""

from itertools import islice
from typing import Any, Final

import redis

from receiver.contract.entry_ids import is_entry, order
from receiver.contract.redis_keys import EVENTS, forward_group, retry_due
from receiver.contract.stored_values import text
from receiver.operations.look import last_delivered

MOST: Final = 5_000
"""Retries that are looked at: they are ordered by when they are due, not by age."""
_PAGE: Final = 1_000


def oldest(client: redis.Redis, sink: str) -> int:
    """Return when the oldest event that waits for a sink was published (ms); 0 where none waits.
    What is parked on a disk is not looked at. Raises `redis.RedisError`.
    """
    entries = [*_in_group(client, sink), *_retries(client, sink)]
    return min((order(entry)[0] for entry in entries), default=0)


def _in_group(client: redis.Redis, sink: str) -> list[str]:
    """Return the ids of the oldest pending entry, and of the first that has not been read."""
    group = forward_group(sink)
    last = last_delivered(client, EVENTS, group) if client.exists(EVENTS) else None
    if last is None:
        return []
    summary: Any = client.xpending(EVENTS, group)
    unread: Any = client.xrange(EVENTS, f"({last}", count=1)
    found = [summary["min"]] if summary["pending"] else []
    return [entry.decode() for entry in (*found, *(entry for entry, _ in unread))]


def _retries(client: redis.Redis, sink: str) -> list[str]:
    members = islice(client.zscan_iter(retry_due(sink), count=_PAGE), MOST)
    return [name for entry, _ in members if is_entry(name := text(entry))]
