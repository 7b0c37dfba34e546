"""Subscriptions at our URL that no slot wants: ours are deleted, others reported."""

from collections.abc import Awaitable
from typing import Any, cast

import msgspec
import structlog

from receiver.contract.redis_keys import SUBSCRIPTION_ATTEMPTS, SUBSCRIPTION_IDS
from receiver.outbound import NotSent, Unanswered
from receiver.subscriptions import creating
from receiver.subscriptions.context import Context
from receiver.subscriptions.records import Slot, is_attempt_id, slot_id
from receiver.subscriptions.wire import DEAD, Seen

log = structlog.get_logger()


async def look(about: Context) -> bool:
    """Go through the lists once; returns whether something is left for the next time soon."""
    foreign: list[dict[str, Any]] = []
    left = False
    bases = {about.operator.reachability, about.operator.roaming} - {""}
    for base in sorted(bases):
        listing = await about.lists.since(base, about.store.now())
        if listing is None:
            return True
        for seen in listing.seen:
            if not about.is_ours(seen.sink) or seen.status in DEAD:
                continue
            known, slot, attempt = await _whose(about, seen)
            if not known and not is_attempt_id(seen.tag):
                foreign.append({"base": base, "id": seen.id, "type": seen.type})
            else:
                left |= await _ours(about, base, seen, slot, attempt)
    await about.store.state("orphans", msgspec.json.encode(foreign).decode() if foreign else "")
    return left


async def _ours(about: Context, base: str, seen: Seen, slot: Slot | None, attempt: str) -> bool:
    """Delete it unless a slot counts on it; returns whether it has to wait for a successor."""
    found = slot.attempt(attempt) if slot else None
    if slot and found and found.subscription in ("", seen.id):
        if not found.subscription:
            await creating.settle(about, slot.id, attempt, seen, active=True)
        else:
            about.lists.lives(base, seen.id)
        return False
    successor = slot or await _same(about, seen)
    if successor and successor.wanted and not successor.living and not found:
        return True  # better an old one than none
    log.warning("subscription.orphan", slot=slot.id if slot else "", subscription=seen.id)
    try:
        await about.api.delete(base, seen.id)
    except (NotSent, Unanswered):
        return True
    return False


async def _whose(about: Context, seen: Seen) -> tuple[bool, Slot | None, str]:
    """Return whether it is known, and the slot and attempt it belongs to: by tag, or by id."""
    store = about.store
    raw: Any = await cast(Awaitable[Any], store.client.hget(SUBSCRIPTION_ATTEMPTS, seen.tag or "-"))
    if raw:
        _, _, name, _ = msgspec.json.decode(raw)
        return True, await store.slot(name), seen.tag
    text = await store.read(SUBSCRIPTION_IDS, f"{store.operator} {seen.id}")
    name, _, attempt = text.partition(" ")
    return bool(text), await store.slot(name) if name else None, attempt


async def _same(about: Context, seen: Seen) -> Slot | None:
    """Return a slot that wants the same: after a loss in Redis only that is left of the old one."""
    for one in about.sets.values():
        if found := await about.store.slot(slot_id(one.name, seen.device, seen.type)):
            return found
    return None
