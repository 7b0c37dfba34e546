"""Reads the events stream for what it says of subscriptions: that one is alive, or has ended."""

import contextlib
import time
from typing import Any, Final

import msgspec
import structlog

from receiver.contract.entry_ids import is_entry
from receiver.contract.redis_keys import EVENTS
from receiver.contract.stored_values import UNREADABLE, decoded
from receiver.subscriptions import attempts
from receiver.subscriptions.api_versions import RemoteSubscription
from receiver.subscriptions.context import Context
from receiver.subscriptions.slots import Attempt, Slot
from receiver.subscriptions.store import Change

log = structlog.get_logger()

_BATCH: Final = 500
_HAS_SUBSCRIPTION: Final = b'"subscriptionId":"'
"""Stands in each event that is worth decoding."""
_ENDED: Final = "subscription.ended.v1"
_UPDATED: Final = "subscription.updated.v1"


class _Event(msgspec.Struct):
    """What is read of an event."""

    type: str
    data: dict[str, Any]
    subscriptionattempt: str = ""


_decode = msgspec.json.Decoder(_Event).decode


class LifecycleEvents:
    """One operator's reader of `EVENTS`. Its position is stored for the next controller."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._position = ""
        self._deleted: dict[str, float] = {}
        """Unexpected subscription -> when it was last to be deleted, by the monotonic clock."""

    async def load_position(self) -> None:
        """Load the stored position; without one, as the first controller of all is, or where
        somebody else wrote it, begin at the end of the stream.
        """
        store = self._context.store
        self._position = await store.read_state("read")
        if not is_entry(self._position):
            last = await store.client.xrevrange(EVENTS, count=1)
            self._position = last[0][0].decode() if last else "0-0"
            await store.write_state("read", self._position)

    async def read_batch(self) -> bool:
        """Read the next events; return whether there may be more."""
        store = self._context.store
        entries = await store.client.xrange(EVENTS, f"({self._position}", "+", _BATCH)
        for _, fields in entries:
            raw = fields.get(b"event", b"")
            if _HAS_SUBSCRIPTION in raw and (event := decoded(_decode, raw)):
                with contextlib.suppress(*UNREADABLE):  # a slot's record that somebody else wrote
                    await self._handle(event)
        await self._context.last.write()
        if entries:
            self._position = entries[-1][0].decode()
            await store.write_state("read", self._position)
        return len(entries) == _BATCH

    async def _handle(self, event: _Event) -> None:
        subscription = event.data.get("subscriptionId")
        if not isinstance(subscription, str):
            return
        slot, attempt = await self._find_attempt(event, subscription)
        if slot is None:
            return
        ended = event.type == _ENDED
        if attempt and ended:
            reason = str(event.data.get("reason") or "NETWORK_TERMINATED")
            await self._context.store.update_slot(
                slot.id, lambda one: _end(one, attempt.id, subscription, reason)
            )
        elif attempt and event.type == _UPDATED and attempt.state == "active":
            # It may be suspended, which is as good as ended.
            await attempts.check_soon(self._context, slot.id, attempt.id)
        elif attempt:
            self._context.last.note(slot, event.type, event.data)
            await self._note_alive(subscription, slot, attempt)
        elif not ended:
            await self._delete_unexpected(slot, subscription)

    async def _note_alive(self, subscription: str, slot: Slot, attempt: Attempt) -> None:
        if attempt.state in ("posting", "unknown", "pending"):
            remote = RemoteSubscription(id=attempt.subscription or subscription)
            await attempts.store_subscription(self._context, slot.id, attempt.id, remote)
            # The event does not say until when it lives. A GET may be answered 404 for as long yet.
            later = self._context.timing.pending_limit
            await attempts.check_soon(self._context, slot.id, attempt.id, later)

    async def _find_attempt(
        self, event: _Event, subscription: str
    ) -> tuple[Slot | None, Attempt | None]:
        """Find the slot and the attempt of an event, by its credential, else its subscription."""
        store = self._context.store
        if name := event.subscriptionattempt:
            found = await store.read_attempt(name)
            if found is None or found.operator != store.operator:
                return None, None
            slot = found.slot
        else:
            slot, name = await store.read_id(subscription)
        record = await store.read_slot(slot) if slot else None
        return record, record.attempt(name) if record else None

    async def _delete_unexpected(self, slot: Slot, subscription: str) -> None:
        """Delete a subscription whose attempt was given up: its POST created it late after all.

        Until its slot has one that lives, it serves; the search for orphans deletes it then.
        """
        base, serves = self._context.base(slot), slot.wanted and not slot.living
        if not base or serves or any(each.subscription == subscription for each in slot.attempts):
            return
        now, pause = time.monotonic(), self._context.timing.between_lists
        self._deleted = {name: at for name, at in self._deleted.items() if now - at < pause}
        if subscription in self._deleted:
            return  # it may send many events until it is gone, or is not deleted at all
        self._deleted[subscription] = now
        log.warning("subscription.twin", slot=slot.id)
        await self._context.api.discard(base, subscription)


def _end(slot: Slot, attempt: str, subscription: str, reason: str) -> Change | None:
    """Note the end of an attempt's subscription; that of a twin with its token says nothing."""
    found = slot.attempt(attempt)
    if found is None or found.ended or found.subscription not in ("", subscription):
        return None
    found.ended = reason
    return Change()
