"""Reads the events for what they say about subscriptions: that one lives, or has ended."""

from collections.abc import Awaitable
from typing import Any, Final, cast

import msgspec
import structlog

from receiver.contract.redis_keys import EVENTS, SUBSCRIPTION_ATTEMPTS, SUBSCRIPTION_IDS
from receiver.contract.redis_keys import subscriptions_state as state_key
from receiver.outbound import NotSent, Unanswered
from receiver.subscriptions import creating, silence
from receiver.subscriptions.context import Context
from receiver.subscriptions.records import Attempt, Slot
from receiver.subscriptions.store import Change
from receiver.subscriptions.wire import Seen

log = structlog.get_logger()

_MOST: Final = 500
_MARK: Final = b'"subscriptionId":"'
_ENDED: Final = "subscription.ended.v1"


class Heard:
    """One operator's reader of `EVENTS`, from where the last one left off."""

    def __init__(self, about: Context) -> None:
        self._about = about
        self._read = ""

    async def begin(self) -> None:
        """Find where to go on: what came before there was any controller says nothing."""
        store = self._about.store
        self._read = await store.read(state_key(store.operator), "read")
        if not self._read:
            last: Any = await store.client.xrevrange(EVENTS, count=1)
            self._read = last[0][0].decode() if last else "0-0"
            await store.state("read", self._read)

    async def read(self) -> bool:
        """Read what is new; returns whether there may be more."""
        store = self._about.store
        entries: Any = await store.client.xrange(EVENTS, f"({self._read}", "+", _MOST)
        for _, fields in entries:
            raw = fields.get(b"event", b"")
            if _MARK in raw:
                await self._one(msgspec.json.decode(raw))
        if entries:
            self._read = entries[-1][0].decode()
            await store.state("read", self._read)
        return len(entries) == _MOST

    async def _one(self, event: dict[str, Any]) -> None:
        about, data = self._about, event.get("data")
        found = data.get("subscriptionId") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(found, str):
            return
        slot, attempt = await self._whose(event, found)
        if slot is None:
            return
        ended = event["type"] == _ENDED
        if attempt is None:
            if not ended:
                await self._twin(slot, found)
            return
        if ended:
            reason = str(data.get("reason") or "NETWORK_TERMINATED")
            await self._about.store.update(slot.id, lambda one: _end(one, attempt.id, reason))
            return
        about.heard[slot.id] = about.store.now()
        if event["type"] == "device.reachability.changed.v1":
            about.says[str(slot.device)] = silence.word(data)
        if attempt.state in ("posting", "unknown", "pending"):
            await creating.settle(about, slot.id, attempt.id, Seen(id=found), active=True)

    async def _whose(self, event: dict[str, Any], found: str) -> tuple[Slot | None, Attempt | None]:
        """Return the slot and the attempt of an event: by its credential, else by its id."""
        store = self._about.store
        name = event.get("subscriptionattempt")
        if isinstance(name, str):
            raw: Any = await cast(Awaitable[Any], store.client.hget(SUBSCRIPTION_ATTEMPTS, name))
            operator, _, slot, _ = msgspec.json.decode(raw) if raw else ("", "", "", 0)
            if operator != store.operator:
                return None, None
        else:
            text = await store.read(SUBSCRIPTION_IDS, f"{store.operator} {found}")
            slot, _, name = text.partition(" ")
        record = await store.slot(slot) if slot else None
        return record, record.attempt(name) if record else None

    async def _twin(self, slot: Slot, found: str) -> None:
        """A subscription of ours sends although nobody waits for it any more."""
        if any(each.subscription == found for each in slot.attempts):
            return
        log.warning("subscription.twin", slot=slot.id)
        try:
            await self._about.api.delete(self._about.base(slot), found)
        except (NotSent, Unanswered):
            return  # the next look for orphans finds it


def _end(slot: Slot, attempt: str, reason: str) -> Change | None:
    found = slot.attempt(attempt)
    if found is None or found.ended:
        return None
    found.ended = reason
    return Change()
