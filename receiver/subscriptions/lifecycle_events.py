"""Reads the events stream for what it says of subscriptions: that one is alive, or has ended."""

from collections.abc import Awaitable
from typing import Any, Final, cast

import msgspec
import structlog

from receiver.contract.redis_keys import (
    EVENTS,
    SUBSCRIPTION_ATTEMPTS,
    SUBSCRIPTION_IDS,
    subscriptions_state,
)
from receiver.outbound import NotSent, Unanswered
from receiver.subscriptions import attempts, silence
from receiver.subscriptions.api_versions import RemoteSubscription
from receiver.subscriptions.context import Context
from receiver.subscriptions.slots import Attempt, Slot
from receiver.subscriptions.store import Change

log = structlog.get_logger()

_BATCH: Final = 500
_HAS_SUBSCRIPTION: Final = b'"subscriptionId":"'
"""Stands in each event that is worth decoding."""
_ENDED: Final = "subscription.ended.v1"


class LifecycleEvents:
    """One operator's reader of `EVENTS`. Its position is stored for the next controller."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._position = ""

    async def load_position(self) -> None:
        """Load the stored position; the first controller of all begins at the end of the stream."""
        store = self._context.store
        self._position = await store.read_field(subscriptions_state(store.operator), "read")
        if not self._position:
            last: Any = await store.client.xrevrange(EVENTS, count=1)
            self._position = last[0][0].decode() if last else "0-0"
            await store.write_state("read", self._position)

    async def read_batch(self) -> bool:
        """Read the next events; return whether there may be more."""
        store = self._context.store
        entries: Any = await store.client.xrange(EVENTS, f"({self._position}", "+", _BATCH)
        for _, fields in entries:
            raw = fields.get(b"event", b"")
            if _HAS_SUBSCRIPTION in raw:
                await self._handle(msgspec.json.decode(raw))
        if entries:
            self._position = entries[-1][0].decode()
            await store.write_state("read", self._position)
        return len(entries) == _BATCH

    async def _handle(self, event: dict[str, Any]) -> None:
        data = event.get("data")
        subscription = data.get("subscriptionId") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(subscription, str):
            return
        slot, attempt = await self._find_attempt(event, subscription)
        if slot is None:
            return
        ended = event["type"] == _ENDED
        if attempt and ended:
            reason = str(data.get("reason") or "NETWORK_TERMINATED")
            await self._context.store.update_slot(
                slot.id, lambda one: _end(one, attempt.id, reason)
            )
        elif attempt:
            await self._note_alive(event, data, slot, attempt)
        elif not ended:
            await self._delete_unexpected(slot, subscription)

    async def _note_alive(
        self, event: dict[str, Any], data: dict[str, Any], slot: Slot, attempt: Attempt
    ) -> None:
        context = self._context
        context.last_events[slot.id] = context.store.now()
        if event["type"] == "device.reachability.changed.v1":
            context.last_states[str(slot.device)] = silence.reachability_state(data)
        if attempt.state in ("posting", "unknown", "pending"):
            remote = RemoteSubscription(id=data["subscriptionId"])
            await attempts.store_subscription(context, slot.id, attempt.id, remote, active=True)

    async def _find_attempt(
        self, event: dict[str, Any], subscription: str
    ) -> tuple[Slot | None, Attempt | None]:
        """Find the slot and the attempt of an event, by its credential, else its subscription."""
        store = self._context.store
        name = event.get("subscriptionattempt")
        if isinstance(name, str):
            raw: Any = await cast(Awaitable[Any], store.client.hget(SUBSCRIPTION_ATTEMPTS, name))
            operator, _, slot, _ = msgspec.json.decode(raw) if raw else ("", "", "", 0)
            if operator != store.operator:
                return None, None
        else:
            text = await store.read_field(SUBSCRIPTION_IDS, f"{store.operator} {subscription}")
            slot, _, name = text.partition(" ")
        record = await store.read_slot(slot) if slot else None
        return record, record.attempt(name) if record else None

    async def _delete_unexpected(self, slot: Slot, subscription: str) -> None:
        """Delete a subscription whose attempt was given up: its POST created it late after all."""
        if any(each.subscription == subscription for each in slot.attempts):
            return
        log.warning("subscription.twin", slot=slot.id)
        try:
            await self._context.api.delete(self._context.base(slot), subscription)
        except (NotSent, Unanswered):
            return  # the next search for orphans finds it


def _end(slot: Slot, attempt: str, reason: str) -> Change | None:
    found = slot.attempt(attempt)
    if found is None or found.ended:
        return None
    found.ended = reason
    return Change()
