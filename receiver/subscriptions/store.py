"""The records of one operator's slots in Redis. Every write checks the lease of its controller."""

import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, cast

import redis.asyncio
from msgspec import Struct

from receiver.contract.redis_keys import (
    SUBSCRIPTION_ATTEMPTS,
    SUBSCRIPTION_CREDENTIALS,
    SUBSCRIPTION_CREDENTIALS_CHANGES,
    SUBSCRIPTION_CREDENTIALS_REVISION,
    SUBSCRIPTION_IDS,
    SUBSCRIPTION_SETS,
    SUBSCRIPTIONS,
    subscriptions_due,
    subscriptions_lease,
    subscriptions_orders,
    subscriptions_state,
)
from receiver.runtime import scripts
from receiver.subscriptions.records import Slot, decode, encode

LEASE_SECONDS: Final = 15.0
_RANKS: Final = 3
_COMMIT: Final = scripts.load(__package__, "commit")
_HOLD: Final = scripts.load(__package__, "hold_lease")
_DROP: Final = scripts.load(__package__, "drop_credentials")
_RELEASE: Final = """
return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0
"""

Goes = tuple[str, str | bytes, str | bytes | float]
"""What goes with a slot's new record: `credential`, `expire`, `attempt`, `id` or `count`."""


class LeaseLost(Exception):
    """Somebody else is the controller of this operator now, or may be."""


class Change(Struct, frozen=True):
    """What a step changes besides the record of its slot."""

    goes: Sequence[Goes] = ()
    remove: bool = False


class Store:
    """One controller's view. Times are seconds since 1970 by Redis' clock."""

    def __init__(
        self,
        client: "redis.asyncio.Redis",
        operator: str,
        due: Callable[[Slot], tuple[int, float] | None],
    ) -> None:
        """`due` says where a record belongs: its rank, and when there is work on it."""
        self.client = client
        self.operator = operator
        self._due = due
        self._owner = secrets.token_hex(8)
        self._lease = subscriptions_lease(operator)
        self._held_until = 0.0
        self._ahead = 0.0
        self._keys = [
            self._lease,
            SUBSCRIPTIONS,
            SUBSCRIPTION_IDS,
            SUBSCRIPTION_ATTEMPTS,
            SUBSCRIPTION_CREDENTIALS,
            SUBSCRIPTION_CREDENTIALS_CHANGES,
            SUBSCRIPTION_CREDENTIALS_REVISION,
            SUBSCRIPTION_SETS,
            *(subscriptions_due(operator, rank) for rank in range(_RANKS)),
        ]

    def now(self) -> float:
        """Return the time by Redis' clock, as of the last look at it."""
        return time.monotonic() + self._ahead

    @property
    def held(self) -> bool:
        """Whether nobody else can be the controller at this moment."""
        return time.monotonic() < self._held_until

    async def hold(self) -> bool:
        """Take the lease, or renew it. Returns whether we have it."""
        began = time.monotonic()
        milliseconds = int(LEASE_SECONDS * 1000)
        got, seconds = await self._eval(_HOLD, [self._lease], self._owner, milliseconds)
        if abs(int(seconds) - self.now()) > 2:  # whole seconds are enough, and jump less
            self._ahead = int(seconds) - began
        if got:
            self._held_until = began + LEASE_SECONDS - 2
        return bool(got)

    async def mark(self) -> None:
        """Write down that we have begun with what there is."""
        await self.state("controller", self._owner)

    async def is_marked(self) -> bool:
        """Whether that still stands there: else Redis has lost what it had."""
        return await self.read(subscriptions_state(self.operator), "controller") == self._owner

    async def release(self) -> None:
        """Let somebody else be it at once."""
        self._held_until = 0.0
        await self._eval(_RELEASE, [self._lease], self._owner)

    async def due(self, most: int) -> list[str]:
        """Return slots on which there is work, the most urgent rank first."""
        found: list[str] = []
        for rank in range(_RANKS):
            key, now = subscriptions_due(self.operator, rank), int(self.now() * 1000)
            more: Any = await self.client.zrangebyscore(key, "-inf", now, 0, most - len(found))
            found += [each.decode() for each in more]
            if len(found) >= most:
                break
        return found

    async def slot(self, name: str) -> Slot | None:
        """Return a record."""
        raw: Any = await cast(Awaitable[Any], self.client.hget(SUBSCRIPTIONS, name))
        return decode(raw) if raw else None

    async def slots(self) -> dict[str, Slot]:
        """Return all records of this operator."""
        found: dict[str, Slot] = {}
        async for _, raw in self.client.hscan_iter(SUBSCRIPTIONS, count=1000):
            slot = decode(raw)
            if slot.operator == self.operator:
                found[slot.id] = slot
        return found

    async def update(self, name: str, change: Callable[[Slot], Change | None]) -> Slot | None:
        """Change a record, in one script with what goes with it; returns what it is now.

        `change` is called again with a newer record where somebody else was quicker; where it
        returns None nothing is written. Raises `LeaseLost`.
        """
        while True:
            raw: Any = await cast(Awaitable[Any], self.client.hget(SUBSCRIPTIONS, name))
            slot = decode(raw) if raw else None
            if slot is None:
                await self._forget(name)
                return None
            made = change(slot)
            if made is None:
                return slot
            if await self._commit(slot, raw, made):
                return None if made.remove else slot

    async def add(self, slots: Iterable[Slot]) -> None:
        """Write down slots that are not there yet."""
        for slot in slots:
            await self._commit(slot, b"", Change())

    async def drop(self, over: Sequence[tuple[str, str]]) -> None:
        """Remove credentials, by digest, and their attempts. Raises `LeaseLost`."""
        words = [word for each in over for word in each]
        self._check(await self._eval(_DROP, self._keys, self._owner, *words))

    async def read(self, key: str, name: str) -> str:
        """Return one field of a hash; empty where it is none."""
        found: Any = await cast(Awaitable[Any], self.client.hget(key, name))
        return found.decode() if found else ""

    async def note(self, key: str, name: str, value: object = "") -> None:
        """Write one field of a hash that nobody decides by; without a value, remove it."""
        if value == "":
            await cast(Awaitable[Any], self.client.hdel(key, name))
        else:
            await cast(Awaitable[Any], self.client.hset(key, name, str(value)))

    async def state(self, name: str, value: object = "") -> None:
        """Note something about the operator."""
        await self.note(subscriptions_state(self.operator), name, value)

    async def orders(self) -> list[bytes]:
        """Return what commands want, the oldest first."""
        key = subscriptions_orders(self.operator)
        found: Any = await cast(Awaitable[Any], self.client.lrange(key, 0, 99))
        return list(found)

    async def done(self, order: bytes) -> None:
        """Take an order off the list."""
        key = subscriptions_orders(self.operator)
        await cast(Awaitable[Any], self.client.lrem(key, 1, order.decode()))

    async def _commit(self, slot: Slot, before: bytes, change: Change) -> bool:
        slot.settle_state()
        place = None if change.remove else self._due(slot)
        reply = await self._eval(
            _COMMIT,
            self._keys,
            self._owner,
            slot.id,
            before,
            b"" if change.remove else encode(slot),
            place[0] if place else 0,
            int(place[1] * 1000) if place else "",
            *(word for each in change.goes for word in each),
        )
        return self._check(reply)

    def _check(self, reply: Any) -> bool:
        """Return whether a script did its work. Raises `LeaseLost`."""
        if reply == b"lease":
            self._held_until = 0.0
            raise LeaseLost
        return bool(reply == b"done")

    async def _forget(self, name: str) -> None:
        for rank in range(_RANKS):
            await self.client.zrem(subscriptions_due(self.operator, rank), name)

    async def _eval(self, script: str, keys: list[str], *arguments: Any) -> Any:
        return await self.client.eval(script, len(keys), *keys, *arguments)
