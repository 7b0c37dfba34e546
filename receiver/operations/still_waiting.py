"""Which events a sink is still to get, whether anybody replays them or not."""

from collections.abc import Sequence
from typing import Any, Final

import redis

from receiver.contract.entry_ids import order
from receiver.contract.redis_keys import EVENTS, forward_group
from receiver.operations import parked_events

_PENDING_MOST: Final = 1_000
"""Pending entries that are looked at: more than a page of the stream has."""


def still_waiting(client: redis.Redis, sink: str, entries: Sequence[str]) -> set[str]:
    """Return those of some entries of the events stream, in its order, that the sink's group has
    not read or acknowledged, or that are parked. What waits among its retries is none of them.
    Raises `redis.RedisError`.
    """
    name = forward_group(sink).encode()
    groups: Any = client.xinfo_groups(EVENTS) if entries else []
    group = next((one for one in groups if one["name"] == name), None)
    if group is None:
        return set()
    last = order(group["last-delivered-id"].decode())
    # In the order in which an event goes on: what does so meanwhile is among these or the retries.
    waiting = {entry for entry in entries if order(entry) > last}
    waiting |= _pending(client, name, entries)
    return waiting.union(parked_events.among(client, sink, entries)[0])


def _pending(client: Any, group: bytes, entries: Sequence[str]) -> set[str]:
    found = client.xpending_range(EVENTS, group, entries[0], entries[-1], _PENDING_MOST)
    return {one["message_id"].decode() for one in found}
