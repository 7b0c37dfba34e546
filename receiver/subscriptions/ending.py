"""Checks whether a subscription is alive, deletes it, and stores what its end means."""

import re
from typing import Final

import structlog

from receiver.outbound import Answer, NotSent, Unanswered, is_passing
from receiver.subscriptions.api import NOT_THERE
from receiver.subscriptions.api_versions import RemoteSubscription, parse_answer
from receiver.subscriptions.attempts import store_subscription
from receiver.subscriptions.context import SAME_FAILURES, Context
from receiver.subscriptions.slots import Attempt, Slot
from receiver.subscriptions.store import Change, Write
from receiver.subscriptions.timing import EARLY
from receiver.subscriptions.unknown_attempts import find_listed

log = structlog.get_logger()

GONE: Final = "GONE"
"""The reason where the operator just does not know the subscription any more."""
EXPIRED: Final = "SUBSCRIPTION_EXPIRED"
"""The reason where it must have ended by now, whatever the operator says or does not say."""
_is_word: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}").fullmatch
"""A network's own reason may be a sentence (CAMARA before 0.6), and name the subscriber."""
_SOON_GONE: Final = 12
"""So often a subscription that was deleted and still shows is looked at again soon."""
_EARLY_ENDS_PAUSE: Final = 600.0
"""Seconds without creations for a set whose subscriptions end early several times in a row."""


async def check_alive(context: Context, slot: Slot, attempt: Attempt) -> None:
    """Request a subscription and store whether it is alive.

    Two answers 404 in a row are its end; a pending one may be answered 404 for a while.
    """
    answer = await _get(context, slot, attempt)
    remote, now, timing = _shown(answer), context.store.now(), context.timing
    young = attempt.state == "pending" and now - attempt.created < timing.pending_limit
    missing = answer is not None and answer.status in NOT_THERE
    refused = answer is not None and not remote and not missing
    alive = remote if remote and not remote.is_dead else None
    if missing and not young and attempt.absences:
        alive = await _listed_otherwise(context, slot, attempt)
    if alive:
        await store_subscription(context, slot.id, attempt.id, alive)
        return

    def change(_: Slot, found: Attempt) -> Change:
        found.absences += missing and not young
        age = now - found.created
        patient = min(max(timing.recheck, 0.1 * age), timing.refused_pause)
        found.next = now + (patient if young or refused else timing.recheck)
        if remote or found.absences >= 2:
            found.ended = remote.status if remote else GONE
        return Change()

    await context.store.update_attempt(slot.id, attempt.id, change, "pending", "active")


async def _get(context: Context, slot: Slot, attempt: Attempt) -> Answer | None:
    """GET an attempt's subscription; return None where no answer says anything of it."""
    try:
        answer = await context.api.get(context.base(slot), attempt.subscription)
    except (NotSent, Unanswered):
        return None
    return None if answer.status == 401 or is_passing(answer.status) else answer


def _shown(answer: Answer | None) -> RemoteSubscription | None:
    return parse_answer(answer) if answer and answer.status == 200 else None


async def _listed_otherwise(
    context: Context, slot: Slot, attempt: Attempt
) -> RemoteSubscription | None:
    """Return what an attempt has made where the operator lists it under another id than it gave."""
    recently = context.store.now() - context.timing.recheck
    listing = await context.lists.fetched_since(context.base(slot), recently)
    found = find_listed(context, slot, attempt, listing) if listing else None
    return found if found and found.id != attempt.subscription else None


async def mark_for_deletion(context: Context, name: str, attempt: str) -> None:
    """Store that a subscription is to be deleted, before the DELETE is sent.

    Where it has to make room for its successor, nobody else's creation may take the room.
    """
    before = await context.store.read_slot(name)
    if before and before.no_room:
        await context.hold_new_ones()

    def change(slot: Slot, found: Attempt) -> Change:
        found.state, found.delete = "deleting", context.store.now()
        if context.is_wanted(slot) and not slot.living:
            slot.gap, slot.rest = slot.gap or context.store.now(), 0
        return Change()

    await context.store.update_attempt(name, attempt, change, "active")


async def delete_subscription(context: Context, slot: Slot, attempt: Attempt) -> None:
    """Delete a subscription, then GET it: only a 404 or a dead status proves that it is gone."""
    answer = await _delete_and_get(context, slot, attempt)
    remote = _shown(answer)
    missing = answer is not None and answer.status in NOT_THERE
    if missing or (remote and remote.is_dead):
        await remove_attempt(context, slot.id, attempt.id, "SUBSCRIPTION_DELETED")
        return

    def change(_: Slot, found: Attempt) -> Change:
        found.absences += 1
        timing, patient = context.timing, answer is not None and found.absences <= _SOON_GONE
        wait = timing.recheck if patient else timing.backoff(found.absences)
        found.delete = context.store.now() + wait
        return Change()

    await context.store.update_attempt(slot.id, attempt.id, change, "deleting")


async def _delete_and_get(context: Context, slot: Slot, attempt: Attempt) -> Answer | None:
    try:
        deleted = await context.api.delete(context.base(slot), attempt.subscription)
    except (NotSent, Unanswered):
        return None
    if deleted.status not in (200, 202, 204, *NOT_THERE):
        return None
    shown = await _get(context, slot, attempt)
    refused = shown is not None and shown.status not in (200, *NOT_THERE)
    # Where it may not be read, that it cannot be deleted any more is the proof.
    return deleted if refused and deleted.status in NOT_THERE else shown


async def remove_attempt(context: Context, name: str, attempt: str, reason: str) -> None:
    """Remove an attempt that has ended from its slot.

    Its credential admits notifications for a day longer: the notice of the end comes late.
    """
    now = context.store.now()
    removed: list[Attempt] = []
    by_operator: list[bool] = []

    def change(slot: Slot) -> Change | None:
        removed.clear()
        by_operator.clear()
        found = slot.attempt(attempt)
        if found is None or (found.state == "active" and not found.ended):
            return None  # it has come to life meanwhile
        slot.attempts.remove(found)
        removed.append(found)
        by_operator.append(found.state != "deleting" and context.is_wanted(slot))
        writes: list[Write] = []
        if found.digest:
            writes.append(("expire", found.digest, int(now + context.timing.credential_grace)))
        if by_operator[0]:
            counted = "ended" if found.ended or found.subscription else "failed:unknown"
            writes.append(("count", f"{slot.set}:{counted}", 1))
            _open_gap(context, slot, reason, now)
        return Change(writes=writes)

    done = await context.store.update_slot(name, change)
    if done is not None and removed:
        context.lists.note_gone(context.base(done), removed[0].subscription)
        said = reason if _is_word(reason) else "(a text)"
        log.info("subscription.ended", slot=name, attempt=attempt, reason=said)
        if by_operator[0]:
            await count_early_end(context, done.set, early=now - removed[0].created < EARLY)


def _open_gap(context: Context, slot: Slot, reason: str, now: float) -> None:
    """Note that the operator ended a wanted subscription; back off where the network did it."""
    if not slot.living:
        slot.gap = slot.gap or now
    if reason == "NETWORK_TERMINATED":
        slot.failures += 1
        slot.rest = now + context.timing.backoff(slot.failures)


async def count_early_end(context: Context, name: str, *, early: bool) -> None:
    """Count ends within a minute of creation, and pause a set after several of them in a row."""
    context.early_ends[name] = context.early_ends[name] + 1 if early else 0
    if context.early_ends[name] >= SAME_FAILURES:
        context.early_ends[name] = 0
        why = f"ended within a minute of creation, {SAME_FAILURES} times"
        await context.pause_set(name, why, _EARLY_ENDS_PAUSE)


async def remove_slot(context: Context, name: str) -> None:
    """Remove a slot that is not wanted and has no attempt any more."""

    def change(slot: Slot) -> Change | None:
        return None if slot.wanted or slot.attempts else Change(remove=True)

    await context.store.update_slot(name, change)
