"""The throttle of a dead letter replay: no faster than workers and sinks take them, and never so
many that Redis fills up.

A replayed dead letter takes more memory than it did: as a notification it is processed and kept a
while, as a delivery it goes before everything new. Unthrottled, very many would fill Redis.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

import redis

from receiver.contract.redis_keys import retry_due
from receiver.operations import ledger
from receiver.operations.dead_letters import Found
from receiver.operations.event_replay import AT_ONCE, WAITING_MOST
from receiver.runtime.server_time import server_time

OPEN_MOST: Final = 5_000
"""Notifications that may be open: those that come in now wait behind them."""
BELOW: Final = 5
"""Points of memory kept free between a replay and the closing of intake."""
PATIENCE: Final = 60.0
"""Seconds without anything getting less after which nobody seems to take what is there."""

Obstacle = tuple[str, int]
"""What stands in the way, in words, and how much of it; no words: nothing does."""
_NOTHING: Final[Obstacle] = "", 0


class NoRoom(Exception):
    """The replay cannot go on, for the reason in the message."""


class ReplayThrottle:
    """Delays each page of a replay until there is room for it."""

    def __init__(
        self,
        client: redis.Redis,
        full_percent: int,
        waits: Callable[[str], None],
        patience: float = PATIENCE,
    ) -> None:
        self._client = client
        self._most = full_percent - BELOW
        self._waits = waits
        self._patience = patience
        self._room: dict[str, int] = {}

    def __call__(self, page: Sequence[Found]) -> None:
        """Wait until there is room for a page. Raises `NoRoom` and `redis.RedisError`."""
        self._wait(self._memory)
        notifications = sum(found.summary.kind == "notification" for found in page)
        if notifications:
            self._wait(lambda: self._open(notifications))
        sinks = Counter(found.summary.sink for found in page if found.summary.sink)
        for sink, wanted in sinks.items():
            if self._room.get(sink, 0) < wanted:
                self._wait(lambda: self._taken(sink))  # noqa: B023 - asked at once
            self._room[sink] -= wanted

    def _wait(self, look: Callable[[], Obstacle]) -> None:
        least, since = 2**63, time.monotonic()
        while True:
            why, much = look()
            if not why:
                return
            if much < least:
                least, since = much, time.monotonic()
            if time.monotonic() - since > self._patience:
                raise NoRoom(why)
            self._waits(why)
            time.sleep(0.1)

    def _memory(self) -> Obstacle:
        memory: Any = self._client.info("memory")
        limit, used = memory.get("maxmemory", 0), memory["used_memory"]
        if not limit or used <= self._most / 100 * limit:
            return _NOTHING
        return f"Redis is {used / limit:.0%} full", used

    def _open(self, wanted: int) -> Obstacle:
        waiting = ledger.read(self._client).open
        if waiting + wanted <= OPEN_MOST:
            return _NOTHING
        return "the workers have notifications to do first", waiting

    def _taken(self, sink: str) -> Obstacle:
        """Return what a sink has to deliver first. It gets `AT_ONCE` events, and the next when it
        has taken them: what is due goes before what is new, which would never be sent.
        """
        due: Any = self._client.zcount(retry_due(sink), "-inf", server_time(self._client))
        waiting: Any = self._client.zcard(retry_due(sink))
        if waiting > WAITING_MOST or (due and sink in self._room):
            return f"sink {sink!r} has {waiting} deliveries to do first", due + waiting
        self._room[sink] = AT_ONCE
        return _NOTHING
