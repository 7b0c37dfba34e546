"""The lease of one operator's controller, and Redis' clock, which each renewal of it tells."""

import asyncio
import secrets
import time
from typing import Any, Final

import redis.asyncio

from receiver.contract.redis_keys import subscriptions_lease, subscriptions_state
from receiver.contract.stored_values import number, text
from receiver.runtime import scripts

LEASE_SECONDS: Final = 15.0
_NOTICED: Final = 2
"""Seconds; Redis' clock is read in whole ones, which jump less."""
_ACQUIRE: Final = scripts.load(__package__, "acquire_lease")
_RELEASE: Final = scripts.load("receiver.runtime", "release_lease")
_MARK: Final = scripts.load(__package__, "mark_controller")


class LeaseLost(Exception):
    """Another controller has this operator's lease now, or may have it; or what this one has loaded
    is no longer what Redis has.
    """


class Lease:
    """One operator's lease. Times are seconds since 1970 by Redis' clock."""

    def __init__(self, client: "redis.asyncio.Redis", operator: str) -> None:
        self.client: Any = client  # by its types nobody may await many of its commands
        self.operator = operator
        self._owner = secrets.token_hex(8)
        self._lease = subscriptions_lease(operator)
        self._held_until = 0.0
        self._ahead = 0.0
        self._mark = ""
        self._marking = asyncio.Lock()
        self.jumped_back = 0.0
        """Seconds by which Redis' clock has jumped back since `clock_jumps` saw to it."""

    def now(self) -> float:
        """Return the time by Redis' clock, whose distance from ours the last lease told."""
        return time.monotonic() + self._ahead

    def check_lease(self) -> None:
        """Raise `LeaseLost` where another controller may have the lease at this moment, such as
        after we were stopped for longer than it lasts.
        """
        if time.monotonic() >= self._held_until:
            raise LeaseLost

    async def acquire_lease(self) -> bool:
        """Claim the lease, or renew it; return whether we have it."""
        began = time.monotonic()
        milliseconds = int(LEASE_SECONDS * 1000)
        got, seconds = await self._eval(_ACQUIRE, [self._lease], self._owner, milliseconds)
        if abs(int(seconds) - self.now()) > _NOTICED:
            if self._ahead:
                self.jumped_back += max(0.0, self.now() - int(seconds))
            self._ahead = int(seconds) - began
        if got:
            self._held_until = began + LEASE_SECONDS - 2
        return bool(got)

    async def keep_lease(self) -> None:
        """Renew the lease where half of it is over, in work that may take longer than it lasts.
        Raises `LeaseLost`.
        """
        late = time.monotonic() >= self._held_until - LEASE_SECONDS / 2
        if late and not await self.acquire_lease():
            raise LeaseLost

    async def mark_controller(self) -> None:
        """Store that this controller has loaded what Redis has."""
        self._mark = f"{self._owner} {secrets.token_hex(8)}"
        await self.write_state("controller", self._mark)

    async def check_data(self) -> None:
        """Raise `LeaseLost` where the latest mark is not stored any more: Redis has lost its data
        since, or is an older copy of itself. Otherwise replace it by a newer one, in the same
        script: a loss between the two would never be noticed.
        """
        async with self._marking:
            newer = f"{self._owner} {secrets.token_hex(8)}"
            keys = [subscriptions_state(self.operator)]
            if not await self._eval(_MARK, keys, self._mark, newer):
                raise LeaseLost
            self._mark = newer

    async def load_clock(self) -> None:
        """Load when the last controller was at work: a later time is that of a clock which has
        jumped back since.
        """
        seen = number(await self.read_state("seen"))
        jump = seen - self.now()
        self.jumped_back = jump if jump > _NOTICED else 0.0

    async def write_seen(self) -> None:
        """Store that this controller is at work, and by which clock."""
        if not self.jumped_back:
            await self.write_state("seen", int(self.now()))

    async def release_lease(self) -> None:
        """Release the lease, so that another controller can have it at once."""
        self._held_until = 0.0
        await self._eval(_RELEASE, [self._lease], self._owner)

    async def read_field(self, key: str, name: str) -> str:
        """Read one field of a hash; empty where it is absent."""
        found = await self.client.hget(key, name)
        return text(found) if found else ""

    async def write_field(self, key: str, name: str, value: object) -> None:
        """Write one field of a hash, lease or not; empty, remove it."""
        if value == "":
            await self.client.hdel(key, name)
        else:
            await self.client.hset(key, name, str(value))

    async def read_state(self, name: str) -> str:
        """Read one field of the operator's state; empty where it is absent."""
        return await self.read_field(subscriptions_state(self.operator), name)

    async def write_state(self, name: str, value: object = "") -> None:
        """Write one field of the operator's state; without a value, remove it."""
        await self.write_field(subscriptions_state(self.operator), name, value)

    async def _eval(self, script: str, keys: list[str], *arguments: Any) -> Any:
        return await self.client.eval(script, len(keys), *keys, *arguments)
