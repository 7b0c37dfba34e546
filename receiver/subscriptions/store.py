"""The records of one operator's slots in Redis. Every write checks the lease of its controller."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, Final

import redis.asyncio
from msgspec import Struct

from receiver.contract import attempt_record
from receiver.contract.attempt_record import AttemptRecord
from receiver.contract.redis_keys import (
    SUBSCRIPTION_ATTEMPTS,
    SUBSCRIPTION_CREDENTIALS,
    SUBSCRIPTION_CREDENTIALS_CHANGES,
    SUBSCRIPTION_CREDENTIALS_REVISION,
    SUBSCRIPTION_IDS,
    SUBSCRIPTION_SETS,
    SUBSCRIPTIONS,
    subscriptions_due,
    subscriptions_orders,
)
from receiver.contract.stored_values import text
from receiver.runtime import scripts
from receiver.subscriptions.lease import Lease, LeaseLost
from receiver.subscriptions.slots import Attempt, AttemptState, Slot, encode, parse_slot

_RANKS: Final = 4
_AT_ONCE: Final = 500
"""Slots of one command: Redis does nothing else meanwhile, and takes no notification in."""
_COMMIT: Final = scripts.load(__package__, "commit")
_DELETE: Final = scripts.load(__package__, "delete_credentials")

Write = tuple[str, str | bytes, str | bytes | float]
"""A write beside a slot's new record: kind (`credential`, `expire`, `attempt`, `id` or `count`),
name and value. `commit.lua` has what each does."""


class Change(Struct, frozen=True):
    """What a step changes besides the record of its slot."""

    writes: Sequence[Write] = ()
    remove: bool = False


class Store(Lease):
    """One operator's records, for its controller. Times are seconds since 1970 by Redis' clock."""

    def __init__(
        self,
        client: "redis.asyncio.Redis",
        operator: str,
        due: Callable[[Slot], tuple[int, float] | None],
    ) -> None:
        """`due` returns a slot's rank and when its next step is due; None where it needs none."""
        super().__init__(client, operator)
        self._due = due
        self.commits = 0
        """Changes of slots by this process."""
        self.dropped = 0
        """How often what was due, or lives, had no slot that can be read: it is to be made anew."""
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

    async def due_slots(self, most: int) -> list[str]:
        """Return the ids of slots whose next step is due, the most urgent rank first."""
        found: list[str] = []
        for rank in range(_RANKS):
            key, now = subscriptions_due(self.operator, rank), int(self.now() * 1000)
            more = await self.client.zrangebyscore(key, "-inf", now, 0, most - len(found))
            for each in more:
                if (name := text(each)).encode() == each:
                    found.append(name)
                else:  # somebody else wrote it
                    await self.client.zrem(key, each)
            if len(found) >= most:
                break
        return found

    async def read_slot(self, name: str) -> Slot | None:
        """Read a slot by its id; None where there is none, or somebody else wrote its record."""
        return parse_slot(name, await self._read(name))

    async def read_attempt(self, name: str) -> AttemptRecord | None:
        """Read whose an attempt is; None where that is not stored."""
        return attempt_record.read(await self.client.hget(SUBSCRIPTION_ATTEMPTS, name))

    async def read_id(self, subscription: str) -> tuple[str, str]:
        """Read which slot and attempt the operator's id of a subscription is stored for; both empty
        where it is not stored.
        """
        found = await self.read_field(SUBSCRIPTION_IDS, f"{self.operator} {subscription}")
        slot, _, attempt = found.partition(" ")
        return slot, attempt

    async def slots(self) -> AsyncIterator[Slot]:
        """Yield all slots of this operator, each once; of many, few are in memory at a time."""
        seen: set[str] = set()  # HSCAN may return one twice
        async for name, raw in self.client.hscan_iter(SUBSCRIPTIONS, count=500):
            slot = parse_slot(text(name), raw)
            if slot and slot.operator == self.operator and slot.id not in seen:
                seen.add(slot.id)
                yield slot

    async def update_slot(self, name: str, change: Callable[[Slot], Change | None]) -> Slot | None:
        """Apply a change to a slot, and its other writes, in one script; return the slot then.

        `change` is called again with the newer record where another write came first; where it
        returns None nothing is written. Raises `LeaseLost`.
        """
        while True:
            raw = await self._read(name)
            slot = parse_slot(name, raw)
            if slot is None:
                await self._remove(name, raw)
                return None
            made = change(slot)
            if made is None:
                return slot
            if await self._commit(slot, raw, made):
                return None if made.remove else slot

    async def update_attempt(
        self,
        name: str,
        attempt: str,
        change: Callable[[Slot, Attempt], Change | None],
        *states: AttemptState,
    ) -> Slot | None:
        """Apply a change to an attempt of a slot as `update_slot` does, unless it has ended, was
        given up, or is in none of these states.
        """

        def of_slot(slot: Slot) -> Change | None:
            found = slot.attempt(attempt)
            return change(slot, found) if found and found.state in states else None

        return await self.update_slot(name, of_slot)

    async def put_off(self, name: str, seconds: float) -> None:
        """Put off what is due for a slot, whatever it is."""
        later = int((self.now() + seconds) * 1000)
        for rank in range(_RANKS):
            await self.client.zadd(subscriptions_due(self.operator, rank), {name: later}, xx=True)

    async def bring_forward(self) -> None:
        """Store when the next steps of slots are due where that is sooner than is stored: what they
        go by may be another `receiver.toml` now.
        """
        sooner: defaultdict[int, dict[str, int]] = defaultdict(dict)
        async for slot in self.slots():
            if due := self._due(slot):
                sooner[due[0]][slot.id] = int(due[1] * 1000)
                if len(sooner[due[0]]) == _AT_ONCE:
                    await self._bring_forward(due[0], sooner.pop(due[0]))
        for rank, times in sooner.items():
            await self._bring_forward(rank, times)

    async def _bring_forward(self, rank: int, times: dict[str, int]) -> None:
        await self.client.zadd(subscriptions_due(self.operator, rank), times, lt=True)

    async def add_slots(self, slots: Iterable[Slot]) -> None:
        """Store slots that are not stored yet, also in place of records that cannot be read. Raises
        `LeaseLost`.
        """
        for slot in slots:
            raw = b""
            while parse_slot(slot.id, raw) is None and not await self._commit(slot, raw, Change()):
                raw = await self._read(slot.id)

    async def delete_credentials(self, expired: Sequence[tuple[str, str]]) -> None:
        """Delete credentials and attempts, given as pairs of digest and id. Raises `LeaseLost`."""
        words = [word for each in expired for word in each]
        self._check(await self._eval(_DELETE, self._keys, self._owner, *words))

    async def read_orders(self) -> list[bytes]:
        """Read the orders of the commands, the oldest first."""
        return list(await self.client.lrange(subscriptions_orders(self.operator), 0, 99))

    async def remove_order(self, order: bytes) -> None:
        """Remove an order that is done."""
        await self.client.lrem(subscriptions_orders(self.operator), 1, order)

    async def postpone_order(self, order: bytes) -> None:
        """Put an order behind the others."""
        key, pipe = subscriptions_orders(self.operator), self.client.pipeline(transaction=True)
        pipe.lrem(key, 1, order)
        pipe.rpush(key, order)
        await pipe.execute()

    async def _read(self, name: str) -> bytes:
        found: bytes | None = await self.client.hget(SUBSCRIPTIONS, name)
        return found or b""

    async def _commit(self, slot: Slot, before: bytes, change: Change) -> bool:
        slot.update_state()
        self.commits += 1
        due = None if change.remove else self._due(slot)
        reply = await self._eval(
            _COMMIT,
            self._keys,
            self._owner,
            slot.id,
            before,
            b"" if change.remove else encode(slot),
            due[0] if due else 0,
            int(due[1] * 1000) if due else "",
            *(word for each in change.writes for word in each),
        )
        return self._check(reply)

    def _check(self, reply: Any) -> bool:
        """Return whether a script did its work. Raises `LeaseLost`."""
        if reply == b"lease":
            self._held_until = 0.0
            raise LeaseLost
        return bool(reply == b"done")

    async def _remove(self, name: str, raw: bytes) -> None:
        """Remove what is due for a slot, with a record that cannot be read, unless it has another
        one by now. Raises `LeaseLost`.
        """
        self.dropped += 1
        self._check(await self._eval(_COMMIT, self._keys, self._owner, name, raw, b"", 0, ""))
