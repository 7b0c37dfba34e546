"""The states of an attempt in its slot: each function stores one transition."""

from typing import Final

from receiver.subscriptions import timing
from receiver.subscriptions.api_versions import RemoteSubscription
from receiver.subscriptions.context import Context
from receiver.subscriptions.creation_outcome import CreationOutcome
from receiver.subscriptions.slots import Attempt, Slot
from receiver.subscriptions.store import Change, Write

_RECHECK_OVERDUE: Final = 300.0
"""Seconds between two checks of a subscription that is alive after its end."""

_UNBELIEVED_LIFE: Final = 3600.0
"""Seconds that a subscription is taken to live that ended before its creation, as its operator has
it: it is renewed in half of them, and not at once and again and again."""


async def store_subscription(
    context: Context, name: str, attempt: str, remote: RemoteSubscription, *, pending: bool = False
) -> None:
    """Store which subscription an attempt has become, and whether it is active or still pending:
    as the operator shows it, unless `pending` says so.

    An active one makes its predecessors due for deletion, and ends the slot's gap and failures.
    """
    now, active = context.store.now(), not (pending or remote.is_requested)

    def change(slot: Slot, found: Attempt) -> Change | None:
        shorter = 0 < remote.ends < found.ends
        known = found.state == "active" and found.subscription == remote.id
        if known and not shorter:
            if found.ends <= now:  # it is alive all the same: another clock, or no end at all
                found.next, found.absences = now + _RECHECK_OVERDUE, 0
                return Change()
            if pending or not found.next:
                return None
        writes: list[Write] = []
        if found.subscription != remote.id:
            found.subscription = remote.id
            writes.append(("id", f"{slot.operator} {remote.id}", f"{slot.id} {attempt}"))
        found.absences = 0
        if active:
            writes += _activate(slot, found, remote.ends, now, context.timing.overlap)
        else:
            found.state, found.next = "pending", now + context.timing.recheck
        return Change(writes=writes)

    done = await context.store.update_attempt(
        name, attempt, change, "intended", "posting", "unknown", "pending", "active"
    )
    if active and done:
        context.lists.note_alive(context.base(done), remote.id)


def _activate(slot: Slot, found: Attempt, ends: float, now: float, overlap: float) -> list[Write]:
    if 0 < ends <= found.created:  # by a clock that is behind ours by more than it lives
        ends = found.created + _UNBELIEVED_LIFE
    was, ends = found.state, min(filter(None, (ends, found.ends, found.asked_end)))
    found.state, found.next = "active", 0 if ends > now else now + _RECHECK_OVERDUE
    due = timing.renewal_due(found.created, ends)
    found.ends, found.renew = ends, min(found.renew or due, due)  # it may be wanted sooner
    predecessors = [each for each in slot.living if each.generation < found.generation]
    for other in predecessors:
        other.delete = other.delete or now + overlap
    renewed = bool(predecessors and was != "active") or bool(slot.gap)
    gap = round(now - slot.gap, 3) if slot.gap else 0
    slot.gap = slot.rest = 0
    slot.failures, slot.error, slot.refused, slot.no_room = 0, "", False, False
    writes: list[Write] = [("count", f"{slot.set}:renewed", 1)] if renewed else []
    return [*writes, ("count", f"{slot.set}:gap_seconds", gap)] if gap else writes


async def mark_unknown(context: Context, name: str, attempt: str, error: str = "") -> None:
    """Store that a POST may have created a subscription or not; `unknown_attempts` finds out."""

    def change(slot: Slot, found: Attempt) -> Change:
        found.state, found.next = "unknown", context.store.now() + context.timing.recheck
        slot.error = error or slot.error
        return Change()

    await context.store.update_attempt(name, attempt, change, "intended", "posting")


async def check_soon(context: Context, name: str, attempt: str, seconds: float = 0.0) -> None:
    """Make the check due, in so many seconds, whether an active attempt is alive and until when."""

    def change(_: Slot, found: Attempt) -> Change:
        found.next = context.store.now() + seconds
        return Change()

    await context.store.update_attempt(name, attempt, change, "active")


async def withdraw_attempt(
    context: Context, name: str, attempt: str, outcome: CreationOutcome, wait: float | None
) -> None:
    """Remove an attempt that created nothing, and expire its credential at once.

    `wait`: seconds until the next attempt; None: a backoff that grows with the failures. A renewal
    waits for no more than a quarter of what is left of its predecessor's life.
    """
    now = context.store.now()

    def change(slot: Slot, found: Attempt) -> Change:
        slot.attempts.remove(found)
        slot.failures += 1
        slot.error, slot.refused = outcome.error, outcome.kind in ("refused", "set_refused")
        slot.no_room = outcome.kind == "quota" and bool(slot.living)
        backoff = context.timing.backoff(slot.failures)
        rest = backoff if wait is None else wait
        if slot.living:
            rest = min(rest, max(backoff, (slot.living[-1].ends - now) / 4))
        slot.rest = now + rest
        failed = ("count", f"{slot.set}:failed:{outcome.kind}", 1)
        return Change(writes=(("expire", found.digest, int(now)), failed))

    await context.store.update_attempt(name, attempt, change, "intended", "posting", "unknown")


async def discard_intent(context: Context, name: str, attempt: str) -> None:
    """Remove an attempt that was never sent, and expire its credential at once."""

    def change(slot: Slot, found: Attempt) -> Change:
        slot.attempts.remove(found)
        return Change(writes=(("expire", found.digest, int(context.store.now())),))

    await context.store.update_attempt(name, attempt, change, "intended")
