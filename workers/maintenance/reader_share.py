"""Which of the company's own consumer groups are within their share of Redis's memory."""

from collections.abc import Sequence
from typing import Any, Final

import redis

from receiver.config.settings import Reader
from receiver.contract.redis_keys import EVENTS
from receiver.contract.stored_values import text

_SAMPLE: Final = 16
"""Events whose size tells that of all."""
_ENTRY_BYTES: Final = 40
"""What an entry of the stream takes besides its event."""


def within(client: redis.Redis, readers: Sequence[Reader]) -> list[str]:
    """Return the groups whose unread events take no more than their share; those that do not exist
    hold nothing. Raises `redis.RedisError`.
    """
    memory: Any = client.info("memory")
    limit = memory.get("maxmemory")
    if not (limit and client.exists(EVENTS)):
        return []
    groups: Any = client.xinfo_groups(EVENTS)
    known = {text(group["name"]): group for group in groups}
    size = _event_bytes(client)
    return [
        one.name
        for one in readers
        if one.name in known and _open(client, known[one.name]) * size <= one.share / 100 * limit
    ]


def _open(client: redis.Redis, group: dict[str, Any]) -> int:
    """Return how many entries a group has still to acknowledge; all where nobody can tell."""
    lag = client.xlen(EVENTS) if group["lag"] is None else group["lag"]
    return int(group["pending"] + lag)


def _event_bytes(client: redis.Redis) -> float:
    """Return what one event takes, on average."""
    newest: Any = client.xrevrange(EVENTS, count=_SAMPLE)
    oldest: Any = client.xrange(EVENTS, count=_SAMPLE)
    sizes = [sum(map(len, fields.values())) for _, fields in (*newest, *oldest) if fields]
    return sum(sizes) / max(1, len(sizes)) + _ENTRY_BYTES
