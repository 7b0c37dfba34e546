"""Ending the watches of messages that were sent to a person."""

from collections.abc import Sequence
from typing import Any

import redis

from receiver.contract.redis_keys import WATCH_COUNTS, WATCHES, watch_due
from receiver.runtime import scripts


def end(client: redis.Redis, names: Sequence[bytes]) -> int:
    """End watches, named as in `WATCHES`; return how many there were. Raises `redis.RedisError`."""
    script: Any = client.register_script(scripts.load(__package__, "erase_watches"))
    gone = 0
    for name in names:
        poll, _, _ = name.partition(b" ")
        keys = [WATCHES, WATCH_COUNTS, watch_due("").encode() + poll]
        gone += script(keys=keys, args=[poll + b":dropped", name])
    return gone
