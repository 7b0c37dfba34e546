"""The parked events of a sink: which they are, and giving them up where their disk is lost."""

from collections.abc import Sequence
from typing import Any

import redis

from receiver.contract.entry_ids import order
from receiver.contract.redis_keys import SINKS, sink_parking
from receiver.contract.stored_values import text
from receiver.runtime import scripts


def among(client: redis.Redis, sink: str, entries: Sequence[str]) -> tuple[list[str], str]:
    """Return those of some entries of the events stream that are parked for a sink, and on which
    host's disk. Raises `redis.RedisError`.
    """
    stored: Any = client.hmget(sink_parking(sink), "total", "returned", "returned_to", "to", "host")
    total, returned, first, last, host = (text(value or b"") for value in stored)
    if total == returned or not (first and last):
        return [], host
    return [one for one in entries if order(first) < order(one) <= order(last)], host


def skip(client: redis.Redis, sink: str) -> int:
    """Count what is parked of a sink as not come back; newer events wait behind it no longer.
    Returns how many they were. Raises `redis.RedisError`.
    """
    script = scripts.load(__package__, "skip_parked")
    found: int = client.eval(script, 2, sink_parking(sink), SINKS, sink)
    return found
