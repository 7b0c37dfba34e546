"""The workers' connections to Redis: no retries of their own, finite waits.

Every command of ours may be repeated safely, but only by whoever knows what it was for.
"""

from typing import Final

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

DOWN: Final = (RedisError, OSError)
"""What a Redis in trouble may raise."""


def client(url: str, *, timeout: float = 5.0) -> redis.Redis:
    """A client whose commands take at most `timeout` seconds each."""
    return redis.Redis.from_url(
        url, retry=Retry(NoBackoff(), 0), socket_timeout=timeout, socket_connect_timeout=timeout
    )
