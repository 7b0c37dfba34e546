"""Looking whether a subscription lives, deleting it, and what its end means for its slot."""

from typing import Final

import structlog

from receiver.outbound import Answer, NotSent, Unanswered
from receiver.subscriptions import wire
from receiver.subscriptions.context import ALIKE, Context
from receiver.subscriptions.creating import settle
from receiver.subscriptions.records import Attempt, Slot
from receiver.subscriptions.store import Change, Goes
from receiver.subscriptions.wire import DEAD

log = structlog.get_logger()

GONE: Final = "GONE"
"""The operator does not know it any more, and has not said why."""
_EARLY: Final = 60.0
_RESTS: Final = 600.0


async def _ask(about: Context, slot: Slot, attempt: Attempt) -> Answer | None:
    """GET an attempt's subscription; None where there was no answer that says anything."""
    try:
        answer = await about.api.get(about.base(slot), attempt.subscription)
    except (NotSent, Unanswered):
        return None
    return answer if answer.status in (200, 404, 410) else None


async def look(about: Context, slot: Slot, attempt: Attempt) -> None:
    """GET a subscription and write down whether it lives."""
    answer = await _ask(about, slot, attempt)
    seen = wire.subscription(answer.document) if answer and answer.status == 200 else None
    if seen and seen.status not in DEAD:
        await settle(about, slot.id, attempt.id, seen, active=seen.status != "ACTIVATION_REQUESTED")
        return
    now, pace = about.store.now(), about.pace
    young = attempt.state == "pending" and now - attempt.created < pace.pending
    missing = answer is not None and answer.status != 200

    def change(slot: Slot) -> Change | None:
        found = slot.attempt(attempt.id)
        if found is None or found.state not in ("pending", "active"):
            return None
        found.absences += missing and not young
        found.next = now + max(pace.settle, 0.1 * (now - found.created) if young else pace.settle)
        if seen or found.absences >= 2:
            found.ended = seen.status if seen else GONE
        return Change()

    await about.store.update(slot.id, change)


async def mark(about: Context, name: str, attempt: str) -> None:
    """Write down that a subscription is to be deleted, before it is."""

    def change(slot: Slot) -> Change | None:
        found = slot.attempt(attempt)
        if found is None or found.state == "deleting":
            return None
        found.state, found.delete = "deleting", about.store.now()
        if slot.wanted and not slot.living:
            slot.gap = slot.gap or about.store.now()
        return Change()

    await about.store.update(name, change)


async def delete(about: Context, slot: Slot, attempt: Attempt) -> None:
    """DELETE, then GET: only a 404 says that it is gone."""
    sent = None
    try:
        sent = await about.api.delete(about.base(slot), attempt.subscription)
        gone = (
            await _ask(about, slot, attempt) if sent.status in (202, 204, 200, 404, 410) else None
        )
    except (NotSent, Unanswered):
        gone = None
    seen = wire.subscription(gone.document) if gone and gone.status == 200 else None
    if gone and (gone.status != 200 or (seen and seen.status in DEAD)):
        await finish(about, slot.id, attempt.id, "SUBSCRIPTION_DELETED")
        return

    def change(slot: Slot) -> Change | None:
        found = slot.attempt(attempt.id)
        if found is None:
            return None
        found.absences += 1
        wait = about.pace.backoff(found.absences) if gone is None else about.pace.settle
        found.delete = about.store.now() + wait
        return Change()

    await about.store.update(slot.id, change)


async def finish(about: Context, name: str, attempt: str, reason: str) -> None:
    """Take an attempt out of its slot; its credential stays a day for the notice of the end."""
    now = about.store.now()
    early: list[bool] = []
    gone: list[str] = []

    def change(slot: Slot) -> Change | None:
        early.clear()
        gone.clear()
        found = slot.attempt(attempt)
        if found is None:
            return None
        ours = found.state == "deleting"
        slot.attempts.remove(found)
        gone.append(found.subscription)
        goes: list[Goes] = []
        if found.digest:
            goes.append(("expire", found.digest, int(now + about.pace.grace)))
        if not ours and slot.wanted:
            goes.append(("count", f"{slot.set}:ended", 1))
            early.append(now - found.created < _EARLY)
            if not slot.living:
                slot.gap = slot.gap or now
            if reason == "NETWORK_TERMINATED":
                slot.failures += 1
                slot.rest = now + about.pace.backoff(slot.failures)
        return Change(goes=goes)

    done = await about.store.update(name, change)
    if done is not None and gone:
        about.lists.ended(about.base(done), gone[0])
        log.info("subscription.ended", slot=name, attempt=attempt, reason=reason)
        await _heed_early(about, done.set, early)


async def _heed_early(about: Context, name: str, early: list[bool]) -> None:
    """A set whose subscriptions end within a minute of their creation, again and again, rests."""
    if not early:
        return
    about.early_ends[name] = about.early_ends[name] + 1 if early[0] else 0
    if about.early_ends[name] >= ALIKE:
        about.early_ends[name] = 0
        await about.stop(name, f"ended within a minute of creation, {ALIKE} times", _RESTS)


async def remove(about: Context, name: str) -> None:
    """Drop a slot that nobody wants and that has no attempt any more."""

    def change(slot: Slot) -> Change | None:
        return None if slot.wanted or slot.attempts else Change(remove=True)

    await about.store.update(name, change)
