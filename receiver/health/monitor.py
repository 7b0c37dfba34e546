"""The monitor: once a second it checks Redis, reads credentials and writes counters."""

import asyncio
import contextlib
from typing import Any, Final

import redis.asyncio
import structlog

from receiver.auth.bearer import Credentials
from receiver.auth.credential_store import ID_LENGTH, revoke_again
from receiver.contract.redis_keys import (
    CREDENTIALS,
    CREDENTIALS_REVISION,
    CREDENTIALS_REVOKED,
    CREDENTIALS_USED,
)
from receiver.contract.stored_values import whole
from receiver.health.redis_state import SILENT_AFTER, RedisState
from receiver.health.subscription_warnings import SubscriptionWarnings
from receiver.metrics.counters import Counters
from receiver.metrics.unauthenticated import UnauthenticatedCounts
from receiver.runtime.logs import Condition, Seldom
from receiver.runtime.redis_errors import DOWN_ON_THE_LOOP, refusal

log = structlog.get_logger()

EVERY: Final = 1.0
"""Seconds between two looks; a new credential is valid in every process within two."""


class Monitor:
    """Check Redis for one web process; trouble is recorded, never raised."""

    def __init__(
        self,
        client: redis.asyncio.Redis,
        server: RedisState,
        credentials: Credentials,
        unauthenticated: UnauthenticatedCounts,
        counters: Counters,
        address: str,
        subscriptions: SubscriptionWarnings,
    ) -> None:
        """Take what to check; `address` is that of Redis, as a log line may have it."""
        self._subscriptions = subscriptions
        self._client = client
        self._server = server
        self._credentials = credentials
        self._tally = unauthenticated
        self._counters = counters
        self._unreadable = 0
        self._seldom = Seldom(log)
        self._away = Condition(log, "redis.trouble", "redis.back", server=address)
        self._closed = Condition(log, "intake.closed", "intake.opened")

    async def run(self) -> None:
        """Check until cancelled, and log when Redis is in trouble and when intake is closed."""
        while True:
            trouble, full = "", self._server.full
            try:
                async with asyncio.timeout(SILENT_AFTER):
                    await self.look()
            except DOWN_ON_THE_LOOP as error:
                trouble = refusal(error)
                self._server.unseen(error)
            except Exception as error:  # noqa: BLE001 - one bad look may not end all looking
                self._seldom.say("error", "watch.fault", error=type(error).__name__)
            self._away.is_now(self._server.trouble or trouble)
            # Writers close it between two looks, each of which opens it for as much as has room.
            self._closed.is_now(self._server.full or full)
            self._tally.say()
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        """Check once. Raises one of `DOWN_ON_THE_LOOP`."""
        await self._server.look(self._client)
        async with self._server.part("credentials cannot be read"):
            await self._read_credentials()
            await self._read_subscriptions_credentials()
        async with self._server.part("the state of subscriptions cannot be read"):
            await self._subscriptions.look(self._client)
        await self._write()

    async def close(self) -> None:
        """Write the remaining counters, if Redis takes them, and close the connection."""
        with contextlib.suppress(*DOWN_ON_THE_LOOP):
            async with asyncio.timeout(SILENT_AFTER):
                await self._write()
        await self._client.aclose()

    async def _read_credentials(self) -> None:
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.hgetall(CREDENTIALS)
            pipe.get(CREDENTIALS_REVISION)
            pipe.smembers(CREDENTIALS_REVOKED)
            pipe.time()
            stored, revision, revoked, (seconds, _) = await pipe.execute()
        known_lost = self._credentials.lost
        unreadable = self._credentials.replace(stored, whole(revision), revoked, seconds)
        if unreadable and unreadable != self._unreadable:
            log.error("credentials.unreadable", count=unreadable)
        self._unreadable = unreadable
        if self._credentials.lost and not known_lost:
            log.critical("credentials.lost")
        for digest, record in self._credentials.returned.items():
            log.critical("credentials.returned", id=digest[:ID_LENGTH].decode())
            await self._client.eval(*revoke_again(digest, record))

    async def _read_subscriptions_credentials(self) -> None:
        if unreadable := await self._credentials.subscriptions.refresh(self._client):
            log.error("subscription_credentials.unreadable", count=unreadable)

    async def _write(self) -> None:
        """Write new counts and times, and when each credential was last used."""
        async with self._server.part("refusals cannot be counted"):
            await self._tally.write(self._client)
        async with self._server.part("times and answers cannot be counted"):
            if command := self._counters.command():
                await self._client.eval(*command)
                self._counters.written()
        async with self._server.part("when a credential was used cannot be written down"):
            used: dict[Any, Any] = self._credentials.take_used()
            if used:
                await self._client.hset(CREDENTIALS_USED, mapping=used)
