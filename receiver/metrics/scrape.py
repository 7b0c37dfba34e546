"""Scrapes of `/metrics`: at most one at a time, whose result serves everybody who asks within a
second.

`/metrics` needs no credential, so asking often must cost Redis nothing.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import redis

from receiver.config.settings import Settings
from receiver.intake.spool import location
from receiver.metrics import snapshot
from receiver.runtime.redis_errors import DOWN

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
FRESH: Final = 1.0
"""Seconds for which a result is used again."""
WITHIN: Final = 2.0
"""Seconds after which Redis counts as gone for this scrape."""


class Scrape:
    """Read the metrics in a thread, so that no request waits for it."""

    def __init__(self, settings: Settings, client: redis.Redis, ready: Callable[[], bool]) -> None:
        """Take what to read; `ready`: whether this process would take a notification now."""
        self.settings = settings
        self._ready = ready
        self._client = client
        self._reading: asyncio.Task[snapshot.Snapshot | None] | None = None
        self._text = b""
        self._at = -FRESH
        self._lock = asyncio.Lock()

    async def text(self) -> bytes:
        """Return the exposition within a deadline, whatever Redis does."""
        async with self._lock:
            if time.monotonic() - self._at >= FRESH:
                found = await self._read()
                self._text = await asyncio.to_thread(self._written, found, ready=self._ready())
                self._at = time.monotonic()
            return self._text

    async def _read(self) -> snapshot.Snapshot | None:
        """Return a snapshot; None when it takes too long, and then the next scrape waits for it."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(asyncio.to_thread(self._snapshot))
        done, _ = await asyncio.wait([self._reading], timeout=WITHIN)
        return self._reading.result() if done else None

    def _snapshot(self) -> snapshot.Snapshot | None:
        try:
            polls = [one.name for one in self.settings.polls]
            # One that only `receiver status` and polls ask has no controller to wait for.
            operators = sorted({one.operator for one in self.settings.subscriptions})
            return snapshot.read(self._client, polls, operators)
        except DOWN:
            return None

    def _written(self, found: snapshot.Snapshot | None, *, ready: bool) -> bytes:
        from receiver.metrics import exposition  # late: a process may never be scraped

        directory = self.settings.spool_dir
        spool = location.look(directory) if directory else None
        return exposition.exposition(found, spool, self.settings, ready=ready)
