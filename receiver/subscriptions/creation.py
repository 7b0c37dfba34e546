"""Creates a subscription: the intent is stored, the POST is sent once, its outcome is stored."""

import hashlib
import secrets

import msgspec
import structlog

from receiver.contract.redis_keys import SUBSCRIPTION_PREFIX
from receiver.outbound import NotSent, Resting, Unanswered
from receiver.subscriptions import (
    api_versions,
    attempts,
    creation_outcome,
    ending,
    refusals,
    timing,
)
from receiver.subscriptions.context import Context
from receiver.subscriptions.creation_outcome import CreationOutcome
from receiver.subscriptions.slots import Attempt, Slot, new_attempt_id
from receiver.subscriptions.store import Change, Write

log = structlog.get_logger()


async def create_subscription(context: Context, slot: Slot) -> None:
    """Create a subscription for a slot, unless creation is paused.

    Raises `LeaseLost` where another controller may be at work; nothing has been sent then.
    """
    renewal = bool(slot.living or slot.gap)
    until = context.paused_until(slot, renewal=renewal)
    for each in slot.living:
        until = min(until, timing.last_chance(each.ends, each.renew))
    if until > context.store.now():
        await _pause_slot(context, slot.id, until)
        return
    token = SUBSCRIPTION_PREFIX + secrets.token_urlsafe(32)
    attempt = await _store_intent(context, slot.id, token)
    if attempt is None or not await _mark_posting(context, slot.id, attempt.id):
        return
    outcome = await _post(context, slot, attempt, token)
    if outcome.remote and await _is_anothers(context, slot, attempt, outcome.remote.id):
        outcome = CreationOutcome(kind="exists", error="the operator gave the one there is")
    await _store_outcome(context, slot, attempt, outcome)


async def make_room(context: Context, slot: Slot, attempt: Attempt) -> None:
    """Mark a subscription for deletion whose successor is due and can only come after it; while
    creation is paused none would come, and it is left alone.
    """
    until = context.paused_until(slot, renewal=True)
    if until > context.store.now():
        await _pause_slot(context, slot.id, until)
    else:
        await ending.mark_for_deletion(context, slot.id, attempt.id)


async def _store_intent(context: Context, name: str, token: str) -> Attempt | None:
    """Store an attempt and its credential before anything is sent; return the attempt."""
    made: list[Attempt] = []
    now = context.store.now()

    def change(slot: Slot) -> Change | None:
        made.clear()
        if not slot.wanted or slot.rest > context.store.now():
            return None
        days = context.sets[slot.set].days_at(context.operator)
        slot.generation += 1
        attempt = Attempt(
            id=new_attempt_id(),
            generation=slot.generation,
            digest=hashlib.sha256(token.encode()).hexdigest(),
            created=round(now, 3),
            asked_end=round(now + timing.requested_life(days, context.operator.max_days), 3),
        )
        slot.attempts.append(attempt)
        made.append(attempt)
        return Change(writes=_credential(slot, attempt))

    await context.store.update_slot(name, change)
    return made[0] if made else None


def _credential(slot: Slot, attempt: Attempt) -> tuple[Write, ...]:
    """Return what admits the attempt's notifications, and leads from them to its slot."""
    credential = {
        "label": slot.set,
        "listener": slot.listener,
        "expires": int(attempt.asked_end + 2 * timing.DAY),
        "attempt": attempt.id,
        "generation": attempt.generation,
        "slot": slot.id,
    }
    index = (slot.operator, slot.set, slot.id, attempt.generation)
    return (
        ("credential", attempt.digest, msgspec.json.encode(credential)),
        ("attempt", attempt.id, msgspec.json.encode(index)),
    )


async def _mark_posting(context: Context, name: str, attempt: str) -> bool:
    def change(_: Slot, found: Attempt) -> Change:
        found.state = "posting"
        return Change()

    slot = await context.store.update_attempt(name, attempt, change, "intended")
    found = slot.attempt(attempt) if slot else None
    return found is not None and found.state == "posting"


async def _post(context: Context, slot: Slot, attempt: Attempt, token: str) -> CreationOutcome:
    request = api_versions.CreationRequest(
        base=context.base(slot),
        type=slot.type,
        device=slot.device,
        sink=context.sink(slot, attempt.id),
        token=token,
        token_ends=attempt.asked_end + timing.DAY,
        ends=attempt.asked_end,
        initial_event=context.sets[slot.set].initial_event,
    )
    try:
        body = api_versions.creation_body(request)
        answer = await context.api.create(request.base, body, context.store.check_lease)
    except Resting as error:
        return CreationOutcome(kind="retry", error=error.reason, wait=error.seconds)
    except NotSent as error:
        return CreationOutcome(kind="retry", error=str(error))
    except Unanswered as error:
        return CreationOutcome(kind="unknown", error=str(error))
    return creation_outcome.classify(answer)


async def _is_anothers(context: Context, slot: Slot, attempt: Attempt, subscription: str) -> bool:
    """Return whether another attempt has this subscription: an operator that takes no second one
    may answer with the first, which knows nothing of the new token.
    """
    name, other = await context.store.read_id(subscription)
    has = await context.store.read_slot(name) if name and other != attempt.id else None
    if has is None or context.base(has) != context.base(slot):
        return False  # each API of an operator may count for itself
    found = has.attempt(other)
    return found is not None and found.subscription == subscription and not found.ended


async def _store_outcome(
    context: Context, slot: Slot, attempt: Attempt, outcome: CreationOutcome
) -> None:
    log.debug("subscription.answered", slot=slot.id, attempt=attempt.id, said=outcome.kind)
    match outcome.kind:
        case "active" | "pending":
            assert outcome.remote is not None  # noqa: S101 - `classify` found an id
            pending = outcome.kind == "pending"
            await attempts.store_subscription(
                context, slot.id, attempt.id, outcome.remote, pending=pending
            )
            if attempt.created < outcome.remote.ends < context.store.now() + timing.EARLY:
                await ending.count_early_end(context, slot.set, early=True)
            else:
                context.note_creation(slot.set)
        case "unknown":
            await attempts.mark_unknown(context, slot.id, attempt.id, outcome.error)
        case _:
            wait = await refusals.handle_refusal(context, slot, outcome)
            await attempts.withdraw_attempt(context, slot.id, attempt.id, outcome, wait)


async def _pause_slot(context: Context, name: str, until: float) -> None:
    def change(slot: Slot) -> Change | None:
        slot.rest = until
        return Change()

    await context.store.update_slot(name, change)
