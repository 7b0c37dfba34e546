"""Memory headroom: near a full Redis, each stage waits until the next one has caught up.

On a full server nothing works any more, not even what would free memory: RQ's workers are refused
their heartbeat, a consumer its job. So a stage that needs more memory stops before that, but only
while a later stage has work to do; else all would wait for each other.
"""

from typing import Any, Final

import redis

from receiver.contract.redis_keys import EVENTS, forward_group

NEARLY_FULL_AT: Final = 0.9
"""Share of `maxmemory`. From 0.8 on ingest answers 503; what is in by then needs some more."""


def nearly_full(client: redis.Redis) -> bool:
    """Return whether Redis uses over 90 % of its `maxmemory`. Raises `redis.RedisError`."""
    memory: Any = client.info("memory")
    limit = memory.get("maxmemory")
    return bool(limit and memory["used_memory"] > NEARLY_FULL_AT * limit)


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
