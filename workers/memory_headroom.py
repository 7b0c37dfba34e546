"""Memory headroom: near a full Redis, each stage waits until the next one has caught up.

On a full server nothing works any more, not even what would free memory: RQ's workers are refused
their heartbeat, a consumer its job. So a stage that needs more memory stops before that, but only
while a later stage has work to do; else all would wait for each other.
"""

import re
from typing import Any, Final

import redis

from receiver.contract.redis_keys import EVENTS, forward_group

NEARLY_FULL_AT: Final = 0.9
"""Share of `maxmemory`. From 0.8 on ingest answers 503; what is in by then needs some more."""
_memory: Final = re.compile(rb"^(used_memory|maxmemory):(\d+)", re.MULTILINE).findall


def nearly_full(client: redis.Redis) -> bool:
    """Return whether Redis uses over 90 % of its `maxmemory`. Raises `redis.RedisError`."""
    memory: Any = client.info("memory")
    return _above(memory["used_memory"], memory.get("maxmemory", 0))


def told_nearly_full(reply: bytes) -> bool:
    """Return the same of a reply to `INFO memory` as the server sent it: redis-py reads every line
    of it, which takes as long as normalising some notifications.
    """
    found = {name: int(value) for name, value in _memory(reply)}
    return _above(found[b"used_memory"], found.get(b"maxmemory", 0))


def _above(used: int, limit: int) -> bool:
    return bool(limit and used > NEARLY_FULL_AT * limit)


def sinks_have_backlog(client: redis.Redis) -> bool:
    """Return whether any sink has events left to deliver. Raises `redis.RedisError`."""
    if not client.exists(EVENTS):
        return False
    groups: Any = client.xinfo_groups(EVENTS)
    return any(
        # A server that cannot tell the lag says None.
        group["pending"] or group["lag"] != 0
        for group in groups
        if group["name"].decode().startswith(forward_group(""))
    )
