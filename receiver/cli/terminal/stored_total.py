"""How many stored things a command is going to look at."""

from collections.abc import Sequence

import redis

from receiver.contract.redis_keys import (
    DEAD_LETTERS,
    DELIVERIES,
    EVENTS,
    INBOUND,
    REJECTED,
    WATCHES,
    retry_due,
    sink_deliveries,
)
from receiver.operations.sink_ledger import known_sinks


def stored_total(client: redis.Redis, more: Sequence[str]) -> int:
    """Return how many entries and deliveries there are. `more` are further streams. Raises
    `redis.RedisError`.
    """
    sinks = known_sinks(client)
    pipe = client.pipeline(transaction=False)
    streams = (INBOUND, EVENTS, DEAD_LETTERS, REJECTED, DELIVERIES, *more)
    for stream in (*streams, *map(sink_deliveries, sinks)):
        pipe.xlen(stream)
    for sink in sinks:
        pipe.zcard(retry_due(sink))
    pipe.hlen(WATCHES)
    return sum(pipe.execute())
