"""What the commands ask of a controller: a list in Redis, done by the one with the lease."""

from typing import Literal

import msgspec

from receiver.outbound import NotSent, Unanswered
from receiver.subscriptions import ending, wire
from receiver.subscriptions.context import Context
from receiver.subscriptions.pace import renewal
from receiver.subscriptions.reconcile import Reconciler
from receiver.subscriptions.records import Attempt, Slot, new_attempt_id, slot_id
from receiver.subscriptions.store import Change


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of them. Doing it twice does no harm."""

    do: Literal["apply", "renew", "delete", "adopt"]
    slot: str = ""
    yes: bool = False
    """Of `apply`: a deletion of more than a tenth of a set is meant."""
    base: str = ""
    subscription: str = ""
    """Of `delete` and `adopt`: one that belongs to no slot."""


async def obey(about: Context, reconciler: Reconciler) -> None:
    """Do what has been asked for."""
    for raw in await about.store.orders():
        try:
            order = msgspec.json.decode(raw, type=Order)
        except msgspec.DecodeError:
            await about.store.done(raw)
            continue
        try:
            await _do(about, reconciler, order)
        except (NotSent, Unanswered):
            return  # once more when the operator answers
        await about.store.done(raw)


async def _do(about: Context, reconciler: Reconciler, order: Order) -> None:
    match order.do:
        case "apply":
            about.stopped.clear()
            await reconciler.run(ordered=True, yes=order.yes)
        case "renew":
            await about.store.update(order.slot, lambda slot: _renew(slot, about.store.now()))
        case "delete" if order.slot:
            slot = await about.store.slot(order.slot)
            for each in slot.living if slot else ():
                await ending.mark(about, order.slot, each.id)
        case "delete":
            await about.api.delete(order.base, order.subscription)
        case "adopt":
            await _adopt(about, order)


def _renew(slot: Slot, now: float) -> Change:
    for each in slot.living:
        each.renew = now
    slot.rest, slot.refused, slot.failures = 0, False, 0
    return Change()


async def _adopt(about: Context, order: Order) -> None:
    """Make it the living attempt of the slot that wants the same; a successor with a credential of
    ours is made at once, then it is deleted.
    """
    answer = await about.api.get(order.base, order.subscription)
    seen = wire.subscription(answer.document) if answer.status == 200 else None
    if seen is None:
        return
    now = about.store.now()

    def change(slot: Slot) -> Change | None:
        if slot.living or any(each.subscription == seen.id for each in slot.attempts):
            return None
        ends = seen.ends or now + 86_400
        slot.generation += 1
        adopted = Attempt(
            id=new_attempt_id(),
            state="active",
            generation=slot.generation,
            digest="",
            created=now,
            asked_end=ends,
            subscription=seen.id,
            ends=ends,
            renew=min(now, renewal(now, ends)),
        )
        slot.attempts.append(adopted)
        return Change(goes=(("id", f"{slot.operator} {seen.id}", f"{slot.id} {adopted.id}"),))

    for one in about.sets.values():
        name = slot_id(one.name, seen.device, seen.type)
        if await about.store.slot(name):
            await about.store.update(name, change)
            return
