"""What follows from an operator's refusal to create: for the slot, its set and the operator."""

from collections import Counter
from typing import Final

from receiver.subscriptions import orphans
from receiver.subscriptions.context import SAME_FAILURES, Context
from receiver.subscriptions.creation_outcome import CreationOutcome
from receiver.subscriptions.slots import Slot, is_attempt_id
from receiver.subscriptions.timing import DAY

_SET_PAUSE: Final = 3600.0
"""Seconds without creations for a set that was refused several times alike."""
_FORGOTTEN: Final = DAY / 2
"""Seconds after which a refusal says nothing of the set any more: one device that is refused
each day is not three of them."""
_HURRIED: Final = 5
"""Failures in a row until a slot with a gap waits for as long as others that find no room, and
until its pauses grow whatever Retry-After says."""


async def handle_refusal(context: Context, slot: Slot, outcome: CreationOutcome) -> float | None:
    """Handle a refusal: pause what it concerns beyond its slot.

    Return the seconds until the slot's next attempt; None: a backoff that grows with the failures.
    """
    match outcome.kind:
        case "refused":
            return context.timing.refused_pause
        case "unauthorised":
            return context.timing.longest_backoff
        case "quota":
            await context.hold_new_ones()
            # One that was deleted to make room for this one has a gap now.
            early = slot.gap and slot.failures < _HURRIED
            return None if early else context.timing.quota_pause
        case "set_refused":
            await _count_for_set(context, slot.set, outcome.error)
            return context.timing.refused_pause
        case "exists":
            return await _resolve_conflict(context, slot)
        case _ if outcome.error.startswith("409"):
            return min(context.timing.backoff(slot.failures), 12 * context.timing.first_backoff)
        case _ if slot.failures < _HURRIED:
            return outcome.wait or None
        case _:  # it asks for the same pause for ever
            return max(outcome.wait or 0.0, context.timing.backoff(slot.failures))


async def _count_for_set(context: Context, name: str, error: str) -> None:
    now = context.store.now()
    if now - context.refused_at.get(name, now) > _FORGOTTEN:
        context.refusals.pop(name, None)
    context.refused_at[name] = now
    counts = context.refusals.setdefault(name, Counter())
    counts[error] += 1
    if counts[error] >= SAME_FAILURES:
        await context.pause_set(name, f"refused {SAME_FAILURES} times: {error}", _SET_PAUSE)


async def _resolve_conflict(context: Context, slot: Slot) -> float | None:
    """Make room where the operator has a subscription too much like the new one.

    What has an attempt's tag and no slot is deleted, also if Redis has lost that attempt: this slot
    wants the same. Without the tag it is another program's and stays. Where it is the slot's own
    predecessor, the operator takes no second one: from now on that is deleted before its successor
    is created.
    Return the seconds until the next attempt; None: a backoff that grows with the failures.
    """
    base = context.base(slot)
    recently = context.store.now() - context.timing.recheck  # one list for many conflicts
    listing = await context.lists.fetched_since(base, recently)
    known = {each.subscription for each in slot.attempts if each.subscription}
    for remote in listing.items if listing else ():
        same = remote.type == slot.type and remote.device == slot.device
        if not same or not context.is_ours(remote.sink) or remote.id in known:
            continue
        if is_attempt_id(remote.tag) and not await orphans.is_counted_on(context, remote):
            await orphans.note_stranger(context, slot, remote)
            await context.api.discard(base, remote.id)
            return context.timing.recheck
    if slot.living and not context.replaces:
        context.replaces = True
        await context.store.write_state("renewal", "replace")
        return 0.0
    return None
