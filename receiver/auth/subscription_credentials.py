"""The credentials of subscriptions: thousands of them, so they are read by their changes.

Their tokens begin with `SUBSCRIPTION_PREFIX`. A token that this process has not heard of yet may be
a millisecond old, so it is looked up in Redis before anybody is told that it is unknown.
"""

import asyncio
import time
from collections.abc import Iterable
from typing import Any, Final

import msgspec
import redis.asyncio

from receiver.contract.redis_keys import (
    SUBSCRIPTION_CREDENTIALS,
    SUBSCRIPTION_CREDENTIALS_CHANGES,
    SUBSCRIPTION_CREDENTIALS_REVISION,
    subscriptions_state,
)
from receiver.contract.stored_values import decoded, digest_of, whole

LOOK_UPS: Final = 100
"""Look-ups of unknown tokens in a second; beyond that an unknown token is answered 503."""
_AT_ONCE: Final = 2
"""Look-ups under way at the same time: the monitor, and erasing in the spool, need a connection of
the same pool each (`redis_client.async_client`)."""
_CHUNK: Final = 500
"""Records read at a time, so that no request waits for the decoding of thousands."""


class SubscriptionCredential(msgspec.Struct, frozen=True):
    """What is stored under the digest of a subscription's token."""

    label: str
    """The set that the subscription belongs to."""
    listener: str
    expires: float
    """Seconds since 1970."""
    attempt: str = ""
    """The attempt at a subscription that the token was made for."""
    generation: int = 0
    """How many subscriptions the slot had before this one, and one."""
    slot: str = ""
    """What is wanted for one device and event type (`receiver.subscriptions`)."""


_decode = msgspec.json.Decoder(SubscriptionCredential).decode


def read(record: bytes) -> SubscriptionCredential | None:
    """Return what a stored record says; None where it cannot be read."""
    return decoded(_decode, record)


class SubscriptionCredentials:
    """What this process knows of the credentials of subscriptions."""

    def __init__(self, operators: Iterable[str] = ()) -> None:
        """`operators`: the names of those whose controllers store credentials."""
        self._operators = tuple(operators)
        self._doubted: dict[str, bytes] = {}
        self._known: dict[bytes, SubscriptionCredential] = {}
        self._revision = 0
        self._second = 0
        self._left = LOOK_UPS
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self.lost = False
        """Whether the store came back with less than it had; then what it lacks is not forgotten
        here, and nobody is called unknown until the controllers have made their subscriptions anew.
        """

    def serve(self, operators: Iterable[str]) -> None:
        """Wait for the credentials of these operators' controllers from now on."""
        self._operators = tuple(operators)

    def get(self, digest: bytes) -> SubscriptionCredential | None:
        """Return the credential of a token's SHA-256, as far as this process has heard of it."""
        return self._known.get(digest)

    async def refresh(self, client: redis.asyncio.Redis) -> int:
        """Read what has changed since the last time, and return how many records of it cannot be
        read. Raises one of `DOWN_ON_THE_LOOP`.
        """
        revision = whole(await client.get(SUBSCRIPTION_CREDENTIALS_REVISION))
        if revision < self._revision:
            self._doubted = await self._marks(client)
            self.lost, self._revision = True, 0
        if revision == self._revision:
            return 0
        changed: Any = await client.zrangebyscore(
            SUBSCRIPTION_CREDENTIALS_CHANGES, f"({self._revision}", "+inf"
        )
        unreadable = await self._read_all(client) if self._revision == 0 else set()
        for start in range(0, len(changed), _CHUNK):
            unreadable |= await self._read(client, changed[start : start + _CHUNK])
        self._revision = revision
        return len(unreadable)

    async def look_up(self, client: redis.asyncio.Redis, digest: bytes) -> bool:
        """Ask the store for one digest, when those before it are looked up; False where it cannot
        be known, for a second or longer.

        Raises one of `DOWN_ON_THE_LOOP`.
        """
        now = int(time.monotonic())
        if now != self._second:
            self._second, self._left = now, LOOK_UPS
        self._left -= 1
        if self._left < 0:
            return False
        async with self._turn:
            unreadable = await self._read(client, [digest.hex().encode()])
            if digest in self._known:
                return True
            return not unreadable and await self._is_complete(client)

    async def _is_complete(self, client: redis.asyncio.Redis) -> bool:
        """Return whether the store has the credential of every live subscription: each controller
        says so once it has compared its operator's lists with it (`credentials_complete`).

        A store that lost its data, or was restored from older ones, has no such mark, or one that
        was there when the loss was noticed.
        """
        marks = await self._marks(client)
        if self.lost and any(self._doubted.get(name) == mark for name, mark in marks.items()):
            return False
        return len(marks) == len(self._operators) and bool(marks or not self.lost)

    async def _marks(self, client: redis.asyncio.Redis) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for name in self._operators:
            mark: Any = client.hget(subscriptions_state(name), "credentials_complete")
            if value := await mark:
                found[name] = value
        return found

    async def _read_all(self, client: redis.asyncio.Redis) -> set[bytes]:
        cursor: Any = 0
        unreadable: set[bytes] = set()
        while True:
            page: Any = await client.hscan(SUBSCRIPTION_CREDENTIALS, cursor, count=_CHUNK)
            cursor, found = page
            unreadable |= self._replace(found.items())
            if not cursor:
                return unreadable

    async def _read(self, client: redis.asyncio.Redis, digests: list[bytes]) -> set[bytes]:
        records: Any = await client.hmget(SUBSCRIPTION_CREDENTIALS, digests)
        return self._replace(zip(digests, records, strict=True))

    def _replace(self, records: Iterable[tuple[bytes, bytes | None]]) -> set[bytes]:
        """Replace these records, and return the names of those that cannot be read. A credential
        known under such a name stays known; a name that is no digest is no token's.
        """
        unreadable: set[bytes] = set()
        for name, record in records:
            digest = digest_of(name)
            if record is None:
                # In a store that lost some, a missing record is not one that was removed.
                if not self.lost:
                    self._known.pop(digest, None)
            elif digest and (credential := read(record)):
                self._known[digest] = credential
            else:
                unreadable.add(name)
        return unreadable
