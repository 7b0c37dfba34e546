"""Intent, POST, commit; and what became of an attempt about which nothing is known."""

import contextlib
import hashlib
import secrets
from typing import Final

import msgspec
import structlog

from receiver.contract.redis_keys import SUBSCRIPTION_PREFIX, subscriptions_state
from receiver.outbound import NotSent, Resting, Unanswered
from receiver.subscriptions import pace as paces
from receiver.subscriptions import verdicts, wire
from receiver.subscriptions.context import ALIKE, Context
from receiver.subscriptions.records import Attempt, Slot, new_attempt_id
from receiver.subscriptions.store import Change, Goes, LeaseLost
from receiver.subscriptions.verdicts import Verdict
from receiver.subscriptions.wire import DEAD, Seen

log = structlog.get_logger()

_RESTS_OF_A_SET: Final = 3600.0
_OVERDUE: Final = 300.0
"""Between two looks at one that lives on after its end."""


async def create(about: Context, slot: Slot) -> None:
    """Create a subscription for a slot: steps 1 to 3 of SUBSCRIPTIONS 5.4."""
    if slot.set not in about.sets:  # its deletion waits for a word
        await _rest(about, slot.id, about.store.now() + about.pace.longest)
        return
    renewal = bool(slot.living or slot.gap)
    if (until := about.rests_until(slot, renewal=renewal)) > about.store.now():
        await _rest(about, slot.id, until)
        return
    token = SUBSCRIPTION_PREFIX + secrets.token_urlsafe(32)
    made = await _intend(about, slot.id, token)
    if made is None or not await _mark_posting(about, slot.id, made.id):
        return
    if not about.store.held:  # a process that was stopped for longer than its lease sends nothing
        raise LeaseLost
    verdict = await _post(about, slot, made, token)
    await conclude(about, slot, made.id, verdict)


async def _intend(about: Context, name: str, token: str) -> Attempt | None:
    """Write down an attempt, and its credential, before anything is sent."""
    made: list[Attempt] = []
    now = about.store.now()

    def change(slot: Slot) -> Change | None:
        made.clear()
        if not slot.wanted or slot.rest > about.store.now():
            return None
        days = about.sets[slot.set].days_at(about.operator)
        slot.generation += 1
        attempt = Attempt(
            id=new_attempt_id(),
            generation=slot.generation,
            digest=hashlib.sha256(token.encode()).hexdigest(),
            created=now,
            asked_end=round(now + paces.life(days, about.operator.max_days), 3),
        )
        slot.attempts.append(attempt)
        made.append(attempt)
        credential = {
            "label": slot.set,
            "listener": slot.listener,
            "expires": int(attempt.asked_end + 2 * paces.DAY),
            "created": int(now),
            "attempt": attempt.id,
            "generation": attempt.generation,
            "slot": slot.id,
        }
        index = (slot.operator, slot.set, slot.id, attempt.generation)
        return Change(
            goes=(
                ("credential", attempt.digest, msgspec.json.encode(credential)),
                ("attempt", attempt.id, msgspec.json.encode(index)),
            )
        )

    await about.store.update(name, change)
    return made[0] if made else None


async def _mark_posting(about: Context, name: str, attempt: str) -> bool:
    marked: list[bool] = []

    def change(slot: Slot) -> Change | None:
        marked.clear()
        found = slot.attempt(attempt)
        if found is None or found.state != "intended":
            return None
        found.state = "posting"
        marked.append(True)
        return Change()

    await about.store.update(name, change)
    return bool(marked)


async def _post(about: Context, slot: Slot, made: Attempt, token: str) -> Verdict:
    wanted = wire.Wanted(
        base=about.base(slot),
        type=slot.type,
        device=slot.device,
        sink=about.sink(slot, made.id),
        token=token,
        token_ends=made.asked_end + paces.DAY,
        ends=made.asked_end,
        initial_event=about.sets[slot.set].initial_event,
    )
    try:
        return verdicts.of_creation(await about.api.create(wanted.base, wire.creation(wanted)))
    except Resting as error:
        return Verdict(kind="again", error=str(error), wait=error.seconds)
    except NotSent as error:
        return Verdict(kind="again", error=str(error))
    except Unanswered as error:
        return Verdict(kind="unknown", error=str(error))


async def conclude(about: Context, slot: Slot, attempt: str, verdict: Verdict) -> None:
    """Write down what came of a POST."""
    log.debug("subscription.answered", slot=slot.id, attempt=attempt, said=verdict.kind)
    match verdict.kind:
        case "active" | "pending":
            assert verdict.seen is not None  # noqa: S101 - of_creation saw an id
            await settle(about, slot.id, attempt, verdict.seen, active=verdict.kind == "active")
            await about.works(slot.set)
        case "unknown":
            await doubt(about, slot.id, attempt, verdict.error)
        case _:
            wait = await _wait(about, slot, verdict)
            await withdraw(about, slot.id, attempt, verdict, wait)


async def settle(about: Context, name: str, attempt: str, seen: Seen, *, active: bool) -> None:
    """Write down that an attempt has become a subscription, and whether it lives yet."""
    now, pace = about.store.now(), about.pace

    def change(slot: Slot) -> Change | None:
        found = slot.attempt(attempt)
        if found is None or found.state == "deleting":
            return None
        was = found.state
        if was == "active" and found.subscription == seen.id and not found.next:
            return None
        goes: list[Goes] = []
        if found.subscription != seen.id:
            found.subscription = seen.id
            goes.append(("id", f"{slot.operator} {seen.id}", f"{slot.id} {attempt}"))
        found.absences = 0
        if not active:
            found.state, found.next = "pending", now + pace.settle
            return Change(goes=goes)
        ends = min(filter(None, (seen.ends, found.ends, found.asked_end)))
        found.state, found.next = "active", 0 if ends > now else now + _OVERDUE
        found.ends, found.renew = ends, paces.renewal(found.created, ends)
        for other in slot.living:
            if other.generation < found.generation:
                other.delete = other.delete or now + pace.overlap
        if slot.gap:
            goes.append(("count", f"{slot.set}:gap_seconds", round(now - slot.gap, 3)))
        slot.gap = slot.rest = 0
        slot.failures, slot.error, slot.refused = 0, "", False
        return Change(goes=goes)

    done = await about.store.update(name, change)
    if active and done:
        about.lists.lives(about.base(done), seen.id)


async def doubt(about: Context, name: str, attempt: str, error: str = "") -> None:
    """Write down that nobody knows whether there is a subscription."""

    def change(slot: Slot) -> Change | None:
        found = slot.attempt(attempt)
        if found is None or found.state not in ("posting", "intended"):
            return None
        found.state, found.next = "unknown", about.store.now() + about.pace.settle
        slot.error = error or slot.error
        return Change()

    await about.store.update(name, change)


async def withdraw(
    about: Context, name: str, attempt: str, verdict: Verdict, wait: float | None
) -> None:
    """Write down that an attempt came to nothing: its credential admits nobody any more.

    `wait`: seconds until the next one; None: as often as it failed tells.
    """
    now = about.store.now()

    def change(slot: Slot) -> Change | None:
        found = slot.attempt(attempt)
        if found is None or found.state in ("active", "pending", "deleting"):
            return None
        slot.attempts.remove(found)
        slot.failures += 1
        slot.error, slot.refused = verdict.error, verdict.kind in ("refused", "set")
        slot.rest = now + (about.pace.backoff(slot.failures) if wait is None else wait)
        return Change(goes=(("expire", found.digest, int(now)),))

    await about.store.update(name, change)


async def void(about: Context, name: str, attempt: str) -> None:
    """Drop an attempt that was never sent."""

    def change(slot: Slot) -> Change | None:
        found = slot.attempt(attempt)
        if found is None or found.state != "intended":
            return None
        slot.attempts.remove(found)
        return Change(goes=(("expire", found.digest, int(about.store.now())),))

    await about.store.update(name, change)


async def resolve(about: Context, slot: Slot, attempt: Attempt) -> None:
    """Look for an attempt in a list; after two complete ones without it another one is made."""
    base, pace = about.base(slot), about.pace
    listing = await about.lists.since(base, attempt.next)
    if listing:
        if seen := _find(about, slot, attempt, listing.seen):
            await settle(about, slot.id, attempt.id, seen, active=_lives(seen))
            return
        complete = await about.lists.is_complete(base, listing, pace.between_lists)
    hopeless = about.store.now() - attempt.created > pace.pending
    proves = listing is not None and (complete or hopeless)

    def change(now: Slot) -> Change | None:
        found = now.attempt(attempt.id)
        if found is None or found.state != "unknown":
            return None
        found.absences += proves
        found.next = about.store.now() + pace.between_lists
        if found.absences >= 2:
            now.attempts.remove(found)  # its credential stays: a late twin is to be recognised
            now.failures += 1
            now.rest = about.store.now()
        return Change()

    await about.store.update(slot.id, change)


def _find(about: Context, slot: Slot, attempt: Attempt, seen: tuple[Seen, ...]) -> Seen | None:
    """Return the subscription that carries the attempt's tag; without tags, the one with its very
    millisecond of an end.
    """
    for each in seen:
        if each.tag == attempt.id and each.status not in DEAD:
            return each
    if about.operator.sink_tag:
        return None
    for each in seen:
        same = each.type == slot.type and about.is_ours(each.sink)
        if same and abs(each.ends - attempt.asked_end) < 0.0015 and each.status not in DEAD:
            return each
    return None


def _lives(seen: Seen) -> bool:
    return seen.status != "ACTIVATION_REQUESTED"


async def _wait(about: Context, slot: Slot, verdict: Verdict) -> float | None:
    """Return the seconds until the next attempt, and do what a refusal means for others."""
    match verdict.kind:
        case "refused":
            return about.pace.refused
        case "unauthorised":
            about.trouble = True
            await about.store.state("trouble", f"{verdict.error}: who we are is not accepted")
            return about.pace.longest
        case "quota":
            about.quota_until = about.store.now() + about.pace.quota
            await about.store.state("quota_until", int(about.quota_until))
            return about.pace.quota
        case "set":
            await _count_refusal(about, slot.set, verdict.error)
            return about.pace.refused
        case "exists":
            return await _twin(about, slot)
        case _:
            return verdict.wait


async def _count_refusal(about: Context, name: str, error: str) -> None:
    counts = about.refusals.setdefault(name, type(about.early_ends)())
    counts[error] += 1
    if counts[error] >= ALIKE:
        await about.stop(name, f"refused {ALIKE} times: {error}", _RESTS_OF_A_SET)


async def _twin(about: Context, slot: Slot) -> float | None:
    """The operator has a subscription that is too much like this one.

    Ours from before: from now on it is deleted first. One that no slot knows: it is deleted.
    """
    listing = await about.lists.since(about.base(slot), about.store.now())
    ours = {each.subscription for each in slot.attempts if each.subscription}
    for seen in listing.seen if listing else ():
        same = seen.type == slot.type and seen.device == slot.device and about.is_ours(seen.sink)
        if same and seen.id not in ours and seen.tag and not slot.attempt(seen.tag):
            with contextlib.suppress(NotSent, Unanswered):
                await about.api.delete(about.base(slot), seen.id)
            return about.pace.settle
    if slot.living and not about.replace:
        about.replace = True
        await about.store.note(subscriptions_state(about.operator.name), "renewal", "replace")
        return 0.0
    return None


async def _rest(about: Context, name: str, until: float) -> None:
    def change(slot: Slot) -> Change | None:
        slot.rest = until
        return Change()

    await about.store.update(name, change)
