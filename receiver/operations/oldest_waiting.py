"""The oldest event that waits for a sink: in its consumer group, or among its retries."""

from typing import Any, Final

import redis

from receiver.contract.entry_ids import is_entry, order
from receiver.contract.redis_keys import EVENTS, forward_group, retry_due
from receiver.contract.stored_values import text

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
    name = forward_group(sink).encode()
    groups: Any = client.xinfo_groups(EVENTS) if client.exists(EVENTS) else []
    group = next((one for one in groups if one["name"] == name), None)
    if group is None:
        return []
    summary: Any = client.xpending(EVENTS, name)
    unread: Any = client.xrange(EVENTS, f"({group['last-delivered-id'].decode()}", count=1)
    found = [summary["min"]] if summary["pending"] else []
    return [entry.decode() for entry in (*found, *(entry for entry, _ in unread))]


def _retries(client: redis.Redis, sink: str) -> list[str]:
    found: list[str] = []
    cursor = 0
    while len(found) < MOST:
        page: Any = client.zscan(retry_due(sink), cursor, count=_PAGE)
        cursor, members = page
        found += filter(is_entry, (text(entry) for entry, _ in members))
        if not cursor:
            break
    return found
