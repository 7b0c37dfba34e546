"""Room: in a server that is nearly full, a hand waits until the next one has taken what it has.

At a full server nothing works any more, not even what would empty it: RQ's workers are refused
their heartbeat, a consumer its job. So whoever makes more of what is there stops before, but only
while somebody further on has something to do, or all would wait for each other.
"""

from typing import Any, Final

import redis

from receiver.contract.redis_keys import EVENTS, forward_group

SHORT_AT: Final = 0.9
"""Share of `maxmemory`. The door closes at 0.8; what came in by then needs some way to go."""


def short(client: redis.Redis) -> bool:
    """Whether the server is nearly full."""
    memory: Any = client.info("memory")
    limit = memory.get("maxmemory")
    return bool(limit and memory["used_memory"] > SHORT_AT * limit)


def sinks_behind(client: redis.Redis) -> bool:
    """Whether any sink has still to take events from the stream."""
    if not client.exists(EVENTS):
        return False
    groups: Any = client.xinfo_groups(EVENTS)
    return any(
        # A server that cannot tell the lag says None.
        group["pending"] or group["lag"] != 0
        for group in groups
        if group["name"].decode().startswith(forward_group(""))
    )
