"""Deletes what has expired: credentials an hour after their end, and what refers to them."""

import time
from typing import Final

from receiver.auth.subscription_credentials import read
from receiver.contract.redis_keys import (
    SUBSCRIPTION_ATTEMPTS,
    SUBSCRIPTION_CREDENTIALS,
    SUBSCRIPTION_CREDENTIALS_CHANGES,
    SUBSCRIPTION_IDS,
)
from receiver.contract.stored_values import text
from receiver.subscriptions.store import Store

EVERY: Final = 3600.0
"""Seconds between two sweeps; also how long a credential stays after its end."""
_BATCH: Final = 500


class Sweep:
    """One operator's sweep; what belongs to another operator is left to that one's controller."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._gone: dict[str, float] = {}
        """Digest without a record -> since when: web processes read its change for an hour."""

    async def run(self) -> None:
        """Sweep through all credentials, ids and changes once. Raises `LeaseLost`."""
        # One clock alone may be weeks ahead, and without its token a subscription ends.
        now, expired = min(self._store.now(), time.time()), []
        client = self._store.client
        async for digest, raw in client.hscan_iter(SUBSCRIPTION_CREDENTIALS, count=1000):
            found = read(raw)
            if found and found.expires + EVERY < now and await self._is_ours(found.attempt):
                expired.append((text(digest), found.attempt))
        for begin in range(0, len(expired), _BATCH):
            await self._store.delete_credentials(expired[begin : begin + _BATCH])
        await self._sweep_ids()
        await self._sweep_changes(now)

    async def _is_ours(self, attempt: str) -> bool:
        found = await self._store.read_attempt(attempt)
        return found is not None and found.operator == self._store.operator

    async def _sweep_ids(self) -> None:
        """Delete the ids of subscriptions whose attempt is not stored any more."""
        client, own = self._store.client, f"{self._store.operator} "
        async for name, value in client.hscan_iter(SUBSCRIPTION_IDS, count=1000):
            slot, _, attempt = text(value).partition(" ")
            if not text(name).startswith(own):
                continue
            record = await self._store.read_slot(slot)
            if record and record.attempt(attempt):
                continue
            if not await self._store.read_field(SUBSCRIPTION_ATTEMPTS, attempt):
                await client.hdel(SUBSCRIPTION_IDS, name)

    async def _sweep_changes(self, now: float) -> None:
        client = self._store.client
        async for name, _ in client.zscan_iter(SUBSCRIPTION_CREDENTIALS_CHANGES, count=1000):
            digest = text(name)
            if await client.hexists(SUBSCRIPTION_CREDENTIALS, digest):
                self._gone.pop(digest, None)
            elif now - self._gone.setdefault(digest, now) > EVERY:
                await client.zrem(SUBSCRIPTION_CREDENTIALS_CHANGES, digest)
                self._gone.pop(digest, None)
