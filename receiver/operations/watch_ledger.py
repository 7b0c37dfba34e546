"""The ledger of watched messages, per poll: each has its final status, has ended, or is open."""

from typing import Any

import msgspec
import redis

from receiver.contract.redis_keys import WATCH, WATCH_COUNTS, watch_due
from receiver.contract.stored_values import counts, text, time_of

_WATCHED = b":watched"
_FIRST_LOOK = 20_000
"""Milliseconds after which a message that nobody has begun to watch is late."""


class WatchLedger(msgspec.Struct, frozen=True):
    """One reading of one poll's ledger, of one moment, in messages."""

    poll: str
    watched: int
    final: int
    """Every address has its final status."""
    gone: int
    """The gateway knew nothing of them any more."""
    expired: int
    """There was no final status within 73 hours."""
    dropped: int
    """Somebody ended the watch."""
    open: int
    same: int
    """Answers that said what the one before had said."""
    oldest_due: int
    """When the first of the open ones is to be asked for (ms, Redis' clock); 0 without any."""

    @property
    def balanced(self) -> bool:
        """Return whether every message is accounted for."""
        ended = self.final + self.gone + self.expired + self.dropped
        return self.watched == ended + self.open


def read(client: redis.Redis) -> list[WatchLedger]:
    """Read the ledger of each poll that ever watched, by name. Raises `redis.RedisError`."""
    fields: Any = client.hkeys(WATCH_COUNTS)
    names = sorted(
        text(field.removesuffix(_WATCHED)) for field in fields if field.endswith(_WATCHED)
    )
    if not names:
        return []
    pipe = client.pipeline(transaction=True)
    pipe.hgetall(WATCH_COUNTS)
    for name in names:
        pipe.zcard(watch_due(name))
        pipe.zrangebyscore(watch_due(name), "-inf", "+inf", 0, 1, withscores=True)
    stored, *replies = pipe.execute()
    known = counts(stored)
    turn = iter(replies)
    return [_ledger(name, known, next(turn), next(turn)) for name in names]


def late_seconds(client: redis.Redis, ledgers: list[WatchLedger], now: float) -> float:
    """Return by how long the most overdue look is late, at `now` (seconds since 1970, Redis'
    clock); also of a message that waits on the stream and that nobody has begun to watch.
    """
    waiting: Any = client.xrange(WATCH, count=1)
    due = [one.oldest_due for one in ledgers if one.oldest_due]
    due += [int(entry.split(b"-")[0]) + _FIRST_LOOK for entry, _ in waiting]
    return max(0.0, now - min(due, default=now * 1000) / 1000)


def _ledger(poll: str, known: dict[str, int], open_: int, first: list[Any]) -> WatchLedger:
    names = ("watched", "final", "gone", "expired", "dropped", "same")
    own = {name: known.get(f"{poll}:{name}", 0) for name in names}
    oldest = time_of(first[0][1]) if first else 0
    return WatchLedger(poll=poll, **own, open=open_, oldest_due=oldest)
