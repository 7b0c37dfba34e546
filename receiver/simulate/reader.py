"""Reading the stream to which the receiver publishes, beside its other readers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

from receiver.runtime import redis_client, redis_errors
from receiver.simulate.verdict import RunLedger

_BATCH: Final = 1000
_BLOCK_MILLISECONDS: Final = 200
_QUIET_SECONDS: Final = 1.0
"""Seconds without an entry after which nothing more is expected to come out a second time."""


class StreamReader:
    """One stream, from its current end."""

    def __init__(self, url: str, stream: str) -> None:
        """Prepare a client. Raises `ValueError` on an address that is none."""
        self._client = redis_client.async_client(url)
        self._stream = stream
        self._after = "0-0"

    async def begin(self) -> None:
        """Find the end of the stream. Raises one of `redis_errors.DOWN`."""
        last: Any = await self._client.xrevrange(self._stream, count=1)
        if last:
            self._after = last[0][0].decode()

    async def entries(self) -> AsyncIterator[Iterable[bytes]]:
        """Yield the values of each entry since then. Raises one of `redis_errors.DOWN`."""
        after = self._after
        while True:
            found: Any = await self._client.xrange(self._stream, f"({after}", "+", _BATCH)
            if not found:
                return
            for entry, fields in found:
                after = entry.decode()
                yield fields.values()

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()


class Reader(StreamReader):
    """Follows one stream from its current end; reconnects to a Redis that was away."""

    def __init__(self, url: str, stream: str, ledger: RunLedger) -> None:
        super().__init__(url, stream)
        self._ledger = ledger
        self._loop = asyncio.get_running_loop()
        self._quiet_since = 0.0

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            try:
                await self._read()
            except (*redis_errors.DOWN, RuntimeError):  # uvloop's word for a closed connection
                await asyncio.sleep(0.2)

    async def settle(self, seconds: float) -> None:
        """Wait until everything acknowledged is published and nothing follows, or for so many
        seconds.
        """
        self._quiet_since = self._loop.time()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                # It is silence that is waited for, and silence sets no event.
                while self._ledger.missing or self._quiet_for() < _QUIET_SECONDS:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)

    def _quiet_for(self) -> float:
        return self._loop.time() - self._quiet_since

    async def _read(self) -> None:
        streams: Any = {self._stream: self._after}
        found: Any = await self._client.xread(streams, _BATCH, _BLOCK_MILLISECONDS)
        for entry, fields in found[0][1] if found else ():
            if self._ledger.publish(fields.values()):
                self._quiet_since = self._loop.time()
            self._after = entry.decode()
