"""Noting runs of `receiver erase`, since what one that is killed had erased is in no report.

But for parked events, which the next one counts (`receiver.erasure.parked`).
"""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import redis

from receiver.contract.redis_keys import ERASE_RUN_SECONDS, ERASE_RUNS


def begin(client: redis.Redis) -> str:
    """Note that a run begins. Returns its name, for `end`. Raises `redis.RedisError`."""
    told: Any = client.time()
    name, seconds = secrets.token_hex(8), told[0]
    pipe = client.pipeline()
    pipe.hset(ERASE_RUNS, name, seconds)
    pipe.expire(ERASE_RUNS, ERASE_RUN_SECONDS)
    pipe.execute()
    return name


def end(client: redis.Redis, name: str) -> list[str]:
    """End a run. Returns a sentence for each other one that goes on. Raises `redis.RedisError`."""
    client.hdel(ERASE_RUNS, name)
    return [
        f"a run that began at {begun:%Y-%m-%dT%H:%M:%SZ} has not ended: if it was about the same "
        "person and is killed, no report counts what it erased, except of parked events"
        for begun in sorted(_others(client))
    ]


def _others(client: Any) -> Iterator[datetime]:
    for begun in client.hvals(ERASE_RUNS):
        if begun.isdigit() and len(begun) < 12:  # else somebody else wrote it
            yield datetime.fromtimestamp(int(begun), UTC)
