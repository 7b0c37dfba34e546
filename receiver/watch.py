"""The watch: once a second it looks at Redis and tells the credentials and the gate what it saw."""

import asyncio
import contextlib
import time
from typing import Any, Final

import redis.asyncio
import structlog
from redis.exceptions import ResponseError

from receiver.connection import DOWN
from receiver.credentials import Credentials
from receiver.durability import weaknesses
from receiver.gate import Gate
from receiver.notification import CREDENTIALS, CREDENTIALS_USED
from receiver.tally import Tally

log = structlog.get_logger()

EVERY: Final = 1.0
"""Seconds between two looks; a new credential counts everywhere within two."""
FULL_AT: Final = 0.8
"""Share of `maxmemory` at which the door closes: at 1.0 the workers could not drain either."""
SILENT_AFTER: Final = 2.5
"""Seconds without a good look after which Redis counts as gone."""
_CONFIG_EVERY: Final = 60
_CONFIG_NAMES: Final = ("appendonly", "appendfsync", "maxmemory", "maxmemory-policy")


class Watch:
    """What this process last saw of Redis."""

    def __init__(
        self, client: redis.asyncio.Redis, credentials: Credentials, gate: Gate, tally: Tally
    ) -> None:
        self._client = client
        self._credentials = credentials
        self._gate = gate
        self._tally = tally
        self._seen = 0.0
        self._looks = 0
        self.weaknesses: list[str] = []

    @property
    def silent(self) -> str:
        """Why Redis takes nothing now; empty when it does."""
        return "Redis does not answer" if time.monotonic() - self._seen > SILENT_AFTER else ""

    @property
    def full(self) -> str:
        """Why the door is closed; empty when it is open."""
        return self._gate.closed

    async def run(self) -> None:
        """Look for ever; a Redis in trouble is seen, never raised."""
        while True:
            try:
                async with asyncio.timeout(SILENT_AFTER):
                    await self.look()
            except DOWN as error:
                log.warning("redis.trouble", error=type(error).__name__)
            except Exception as error:  # noqa: BLE001 - one bad look may not end all looking
                log.error("watch.fault", error=type(error).__name__)
            self._tally.say()
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        """One look. Raises one of `DOWN`."""
        if self._looks % _CONFIG_EVERY == 0:
            self.weaknesses = weaknesses(await self._config())
        memory: dict[str, Any] = await self._client.info("memory")
        self._seen = time.monotonic()
        self._looks += 1
        self._gate.closed = _fullness(memory)
        stored: Any = await self._client.hgetall(CREDENTIALS)
        if unreadable := self._credentials.replace(stored):
            log.error("credentials.unreadable", count=unreadable)
        await self._write()

    async def close(self) -> None:
        """Write down what is counted, if Redis takes it, and let go."""
        with contextlib.suppress(*DOWN):
            await self._write()
        await self._client.aclose()

    async def _write(self) -> None:
        """What is new of the counts and of when each credential was last used."""
        await self._tally.write(self._client)
        used: dict[Any, Any] = self._credentials.take_used()
        if used:
            await self._client.hset(CREDENTIALS_USED, mapping=used)

    async def _config(self) -> dict[str, str]:
        try:
            found: Any = await self._client.config_get(*_CONFIG_NAMES)
        except ResponseError:
            return {}
        return {str(name): str(value) for name, value in found.items()}


def _fullness(memory: dict[str, Any]) -> str:
    limit, used = int(memory.get("maxmemory", 0)), int(memory.get("used_memory", 0))
    if limit and used > FULL_AT * limit:
        return f"Redis is {used / limit:.0%} full"
    return ""
