"""Giving up the parked events of a sink whose disk is lost."""

import redis

from receiver.contract.redis_keys import SINKS, sink_parking
from receiver.runtime import scripts


def skip(client: redis.Redis, sink: str) -> int:
    """Count what is parked of a sink as not come back; newer events wait behind it no longer.
    Returns how many they were. Raises `redis.RedisError`.
    """
    script = scripts.load(__package__, "skip_parked")
    found: int = client.eval(script, 2, sink_parking(sink), SINKS, sink)
    return found
