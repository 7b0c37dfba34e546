"""The attempts of one worker to deliver: noted in memory, written together once a second."""

import time
from collections import deque
from collections.abc import Iterable
from typing import Any, Final

import redis

from receiver.contract.records import Attempt, encode
from receiver.contract.redis_keys import DELIVERIES, sink_deliveries
from receiver.runtime import scripts
from workers.sinks.sink import Answer, Item

EVERY: Final = 1.0
"""Seconds between two writes while requests are answered."""
MOST: Final = 100_000
"""Failed attempts that are stored, of all sinks."""
NEWEST: Final = 200
"""Attempts that are stored of each sink, whatever came of them."""
AT_ONCE: Final = 500
"""Attempts that one call stores: a millisecond in which the server does nothing else."""
MOST_FAILURES: Final = 5_000
"""Failed attempts that wait for a write at most: while Redis is away, the newest."""

_Noted = tuple[str, int, int, int, Answer]
"""Entry, number of the attempt, when it was answered, how long it took (ms), its answer."""


class AttemptLog:
    """Store the attempts of one sink: every failure, and the newest of all of them.

    It is no part of the ledger: of a process that is killed the last second is missing.
    """

    def __init__(self, client: redis.Redis, sink: str) -> None:
        self._client = client
        self._sink = sink
        self._newest: deque[_Noted] = deque(maxlen=NEWEST)
        self._failures: deque[_Noted] = deque(maxlen=MOST_FAILURES)
        self._written = time.monotonic()
        self._store = scripts.load(__package__, "store_attempts")

    def note(self, items: list[Item], answer: Answer, milliseconds: int) -> None:
        """Note one answered request, which took so long, for each of its deliveries."""
        now = time.time_ns() // 1_000_000
        noted = [
            (item.delivery.entry, item.delivery.attempts + 1, now, milliseconds, answer)
            for item in items
        ]
        self._newest.extend(noted)
        if answer.what != "taken":
            self._failures.extend(noted)

    def write(self, *, soon: bool = False) -> None:
        """Write what was noted; with `soon` at most once a second. Raises nothing: what Redis does
        not take, because it is away or full, is not stored.
        """
        if soon and time.monotonic() - self._written < EVERY:
            return
        self._written = time.monotonic()
        if not self._newest:
            return
        newest, failures = self._encoded(self._newest), self._encoded(self._failures)
        self._newest.clear()
        self._failures.clear()
        pipe: Any = self._client.pipeline(transaction=False)
        pipe.eval(self._store, 1, sink_deliveries(self._sink), NEWEST, *newest)
        for first in range(0, len(failures), AT_ONCE):
            pipe.eval(self._store, 1, DELIVERIES, MOST, *failures[first : first + AT_ONCE])
        try:
            pipe.execute(raise_on_error=False)
        except redis.RedisError:
            return

    def _encoded(self, noted: Iterable[_Noted]) -> list[bytes]:
        return [
            encode(Attempt(self._sink, entry, number, at, took, one.status, one.reason, one.body))
            for entry, number, at, took, one in noted
        ]
