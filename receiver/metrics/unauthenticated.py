"""Counts of unauthenticated requests, of which nothing else is kept."""

import secrets
import time
from collections import Counter
from itertools import chain
from typing import Any, Final

import redis.asyncio
import structlog

from receiver.contract.redis_keys import TURNED_AWAY
from receiver.runtime import scripts

log = structlog.get_logger()

SAY_EVERY: Final = 10.0
"""Seconds between two log lines: a flood of requests may not become a flood of lines."""


class UnauthenticatedCounts:
    """Count in memory; the monitor writes what is new, so that no request waits for it.

    What is written has a number, as in `receiver.metrics.counters`: it is added once, though its
    reply was lost.
    """

    def __init__(self) -> None:
        self._unwritten: Counter[str] = Counter()
        self._being_written: Counter[str] = Counter()
        self._writer = f"{TURNED_AWAY}:{secrets.token_hex(8)}"
        self._number = 0
        self._text = scripts.load(__package__, "counters")
        self._unsaid: Counter[str] = Counter()
        self._said_at = -SAY_EVERY

    def count(self, callback: str, reason: str) -> None:
        """Count one request. Callback and reason are words of ours, so the hash stays small
        whatever is sent.
        """
        self._unwritten[f"{callback} {reason}"] += 1
        self._unsaid[f"{callback} {reason}"] += 1

    async def write(self, client: redis.asyncio.Redis) -> None:
        """Add what is new to the hash in Redis. Raises one of `DOWN`, and then it is still new."""
        if not self._being_written and self._unwritten:
            self._being_written, self._unwritten = self._unwritten, Counter()
            self._number += 1
        if not (counts := self._being_written):
            return
        keys = (TURNED_AWAY, TURNED_AWAY, self._writer)  # no listener is heard in it
        pairs: Any = chain.from_iterable(counts.items())
        await client.eval(self._text, len(keys), *keys, self._number, 0, len(counts), *pairs)
        self._being_written = Counter()

    def say(self) -> None:
        """Log one line for all requests since the last one, at most once per interval."""
        now = time.monotonic()
        if not self._unsaid or now - self._said_at < SAY_EVERY:
            return
        said: dict[str, Any] = dict(self._unsaid)
        log.warning("request.unauthenticated", count=self._unsaid.total(), reasons=said)
        self._unsaid.clear()
        self._said_at = now
