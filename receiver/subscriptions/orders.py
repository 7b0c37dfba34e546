"""What the commands ask of a controller: a list in Redis, done by the controller with the lease."""

from typing import Final, Literal

import msgspec

from receiver.contract.stored_values import UNREADABLE
from receiver.outbound import NotSent, Unanswered
from receiver.subscriptions import ending
from receiver.subscriptions.api_versions import RemoteSubscription, parse_subscription
from receiver.subscriptions.context import Context
from receiver.subscriptions.reconcile import Reconciler
from receiver.subscriptions.slots import Attempt, Slot, new_attempt_id, slot_id
from receiver.subscriptions.store import Change
from receiver.subscriptions.timing import DAY, renewal_due

_ADOPTED_LIFE: Final = DAY
"""Seconds that an adopted subscription is taken to live where the operator shows no end."""


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that a command asks for. Doing it twice does no harm."""

    do: Literal["apply", "renew", "delete", "adopt"]
    slot: str = ""
    yes: bool = False
    """Of `apply`: a deletion of more than a tenth of a set is meant."""
    base: str = ""
    subscription: str = ""
    """Of `delete` and `adopt`: one that belongs to no slot."""


async def do_orders(context: Context, reconciler: Reconciler) -> None:
    """Do what the commands have asked for, the oldest first.

    An order at which the operator gave no answer stays in the list, and is done again.
    """
    for raw in await context.store.read_orders():
        try:
            order = msgspec.json.decode(raw, type=Order)
        except UNREADABLE:
            await context.store.remove_order(raw)
            continue
        try:
            await _do(context, reconciler, order)
        except (NotSent, Unanswered):
            return
        await context.store.remove_order(raw)


async def _do(context: Context, reconciler: Reconciler, order: Order) -> None:
    match order.do:
        case "apply":
            await context.end_pauses(early=True)
            await reconciler.run(ordered=True, yes=order.yes)
        case "renew":
            now = context.store.now()
            await context.store.update_slot(order.slot, lambda slot: _renew(slot, now))
        case "delete" if order.slot:
            slot = await context.store.read_slot(order.slot)
            for each in slot.living if slot else ():
                await ending.mark_for_deletion(context, order.slot, each.id)
        case "delete":
            await context.api.delete(order.base, order.subscription)
        case "adopt":
            await _adopt(context, order)


def _renew(slot: Slot, now: float) -> Change:
    for each in slot.living:
        each.renew = now
    slot.rest, slot.refused, slot.failures = 0, False, 0
    return Change()


async def _adopt(context: Context, order: Order) -> None:
    """Make a foreign subscription the living attempt of the slot for the same device and type.

    Its renewal is due at once: the successor has a credential of ours, then the adopted is deleted.
    """
    answer = await context.api.get(order.base, order.subscription)
    remote = parse_subscription(answer.document) if answer.status == 200 else None
    if remote is None:
        return
    now = context.store.now()
    for one in context.sets.values():
        name = slot_id(one.name, one.operator, remote.device, remote.type)
        if await context.store.read_slot(name):
            await context.store.update_slot(name, lambda slot: _add_adopted(slot, remote, now))
            return


def _add_adopted(slot: Slot, remote: RemoteSubscription, now: float) -> Change | None:
    if slot.living or any(each.subscription == remote.id for each in slot.attempts):
        return None
    ends = remote.ends or now + _ADOPTED_LIFE
    slot.generation += 1
    adopted = Attempt(
        id=new_attempt_id(),
        state="active",
        generation=slot.generation,
        digest="",
        created=now,
        asked_end=ends,
        subscription=remote.id,
        ends=ends,
        renew=min(now, renewal_due(now, ends)),
    )
    slot.attempts.append(adopted)
    return Change(writes=(("id", f"{slot.operator} {remote.id}", f"{slot.id} {adopted.id}"),))
