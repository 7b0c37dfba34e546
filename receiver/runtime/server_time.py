"""The time by Redis' clock, which all processes share."""

from typing import Any

import redis


def server_time(client: redis.Redis) -> int:
    """Return Redis' time, in milliseconds since 1970. Raises `redis.RedisError`."""
    now: Any = client.time()
    return int(now[0]) * 1000 + int(now[1]) // 1000
