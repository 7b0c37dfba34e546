"""What the commands ask of a controller: a list in Redis, done by the controller with the lease."""

from typing import Final, Literal

import msgspec
import structlog

from receiver.contract.stored_values import UNREADABLE
from receiver.outbound import Answer, NotSent, Unanswered, is_passing
from receiver.subscriptions import ending, orphans
from receiver.subscriptions.api import NOT_THERE
from receiver.subscriptions.api_versions import RemoteSubscription, parse_answer
from receiver.subscriptions.context import Context
from receiver.subscriptions.reconcile import Reconciler
from receiver.subscriptions.slots import Attempt, Slot, new_attempt_id
from receiver.subscriptions.store import Change
from receiver.subscriptions.timing import DAY, renewal_due

log = structlog.get_logger()

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


class _Refused(Exception):
    """An order that cannot be done; the message says why."""


class _Passing(Exception):
    """An order that the operator may carry out later."""


async def do_orders(context: Context, reconciler: Reconciler) -> None:
    """Do what the commands have asked for, the oldest first.

    An order at which the operator gave no answer, 429 or 5xx goes to the end of the list, and is
    done again. One that cannot be done is removed, and why is stored for the command that waits.
    """
    for raw in await context.store.read_orders():
        try:
            order = msgspec.json.decode(raw, type=Order)
        except UNREADABLE:
            await context.store.remove_order(raw)
            continue
        said = ""
        try:
            await _do(context, reconciler, order)
        except (NotSent, Unanswered, _Passing):
            await context.store.postpone_order(raw)
            return
        except _Refused as refused:
            said = str(refused)
            log.warning("subscriptions.order_refused", do=order.do, said=said)
        if order.subscription:
            await context.store.write_state(order_outcome(order.subscription), said)
        await context.store.remove_order(raw)


def order_outcome(subscription: str) -> str:
    """Return the field of an operator's state that says why the last order about a subscription
    was not done.
    """
    return f"refused:{subscription}"


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
            answer = await context.api.delete(_base(context, order), order.subscription)
            if answer.status not in NOT_THERE:  # as it was meant to be
                _check(answer)
            await orphans.forget(context, order.base, order.subscription)
        case "adopt":
            await _adopt(context, order)
            await orphans.forget(context, order.base, order.subscription)


def _base(context: Context, order: Order) -> str:
    """Return the base URL that an order names. Raises `_Refused` unless it is the operator's: a
    request to it has our credentials.
    """
    if order.base not in context.bases:
        raise _Refused("receiver.toml has no such URL of the operator")
    return order.base


def _check(answer: Answer) -> None:
    if is_passing(answer.status):
        raise _Passing
    if answer.status >= 300:
        raise _Refused(f"the operator answered {answer.status} {answer.code}".rstrip())


def _renew(slot: Slot, now: float) -> Change:
    for each in slot.living:
        each.renew = now
    slot.rest, slot.refused, slot.failures = 0, False, 0
    return Change()


async def _adopt(context: Context, order: Order) -> None:
    """Make a foreign subscription the living attempt of the slot for the same device and type.

    Its renewal is due at once: the successor has a credential of ours, then the adopted is deleted.
    Raises `_Refused`, `_Passing`.
    """
    answer = await context.api.get(_base(context, order), order.subscription)
    remote = parse_answer(answer) if answer.status == 200 else None
    if answer.status in NOT_THERE or (remote and remote.is_dead):
        await orphans.forget(context, order.base, order.subscription)
    _check(answer)
    if remote is None:
        raise _Refused("the operator shows no subscription")
    if remote.is_dead:
        raise _Refused(f"the operator shows it as {remote.status}: it sends nothing any more")
    slot, now = await orphans.slot_for_the_same(context, remote), context.store.now()
    if slot is None:
        raise _Refused("no slot wants its device and type")
    done = await context.store.update_slot(slot.id, lambda it: _add_adopted(it, remote, now))
    if done and not any(each.subscription == remote.id for each in done.attempts):
        raise _Refused("its slot has one that lives")


def _add_adopted(slot: Slot, remote: RemoteSubscription, now: float) -> Change | None:
    if slot.living or any(each.subscription == remote.id for each in slot.attempts):
        return None
    ends = remote.ends or now + _ADOPTED_LIFE
    slot.generation += 1
    slot.rest, slot.refused = 0, False  # what was refused before holds up no successor
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
