"""Orders to the controllers of subscriptions, and waiting until they are done."""

import time
from collections.abc import Collection
from math import inf
from typing import Final

import msgspec
import redis

from receiver.cli.terminal import output, setup
from receiver.config.settings import Settings
from receiver.subscriptions import desired, overview
from receiver.subscriptions.orders import Order
from receiver.subscriptions.set_state import SetState
from receiver.subscriptions.slots import Slot

_LONGEST_WAIT: Final = 60.0
_SEE: Final = "`receiver subscriptions list` has the sets, `show SET` the slots of one"
_STAYS: Final = "it stays ordered: a controller does it also without this command"
NOTHING_DECLARED: Final = "receiver.toml declares no [[subscription]]"
_DONE: Final = "done: see `receiver subscriptions list`"


def renew_slots(client: redis.Redis, settings: Settings, name: str) -> None:
    """Have the controllers renew the slot of this id, or all of this set; what a set has left where
    it is declared no more is renewed by nobody. Raises `Refused`.
    """
    found = [slot for slot in overview.read_slots(client) if name in (slot.set, slot.id)]
    if not found:
        raise setup.Refused(f"there is no such set or slot: {_SEE}")
    declared = {(one.name, one.operator) for one in settings.subscriptions}
    operators = {slot.operator for slot in found if (slot.set, slot.operator) in declared}
    if not operators:
        known = {one.name for one in settings.operators}
        why = desired.why_left((), known, found[0].set, found[0].operator)
        raise setup.Refused(f"{name} is not renewed: {why}")
    for name in operators:
        of_operator = (slot for slot in found if slot.operator == name)
        orders = (Order(do="renew", slot=slot.id) for slot in of_operator)
        overview.enqueue_orders(client, name, *orders)
    _await(client, operators)
    output.print_message(_DONE)


def delete_slot(client: redis.Redis, name: str) -> None:
    """Have the controller delete what lives of the slot of this id; end the command with exit code
    1 where nothing does. Raises `Refused`.
    """
    look = f"see `receiver subscriptions show {name}`"
    slot = next((slot for slot in overview.read_slots(client) if slot.id == name), None)
    if slot is None:
        raise setup.Refused(f"there is no such slot: {_SEE}")
    if slot.living:
        overview.enqueue_orders(client, slot.operator, Order(do="delete", slot=name))
        _await(client, [slot.operator])
    elif not any(each.state == "deleting" for each in slot.attempts):
        output.exit_undone(f"nothing is deleted: {_why_nothing(slot)}; {look}")
    output.print_message(f"it is being deleted: {look}")


def _why_nothing(slot: Slot) -> str:
    if slot.state in ("pending", "unknown"):
        return f"the operator has not said yet that its subscription is active ({slot.state})"
    return f"it has no subscription ({slot.state})"


def order_orphan(client: redis.Redis, orphan: tuple[str, str], do: str, name: str) -> None:
    """Have the controller do something with an orphan, by what `find_orphan` returned of it. Raises
    `Refused`, also with what the operator said.
    """
    operator, base = orphan
    order = msgspec.convert({"do": do, "base": base, "subscription": name}, Order)
    overview.enqueue_orders(client, operator, order)
    _await(client, [operator], orphan=name)
    output.print_message("done: see `receiver subscriptions orphans`")


def find_orphan(settings: Settings, client: redis.Redis, name: str) -> tuple[str, str] | None:
    """Return the operator of an orphan, and the base URL of its API."""
    for one in settings.operators:
        for each in overview.read_orphans(client, one.name):
            if each["id"] == name:
                return one.name, each["base"]
    return None


def apply_sets(client: redis.Redis, settings: Settings, *, yes: bool) -> list[str]:
    """Have the controllers do what `plan` shows; return in words what they have left undone.

    Raises `Refused`.
    """
    names = [one.name for one in settings.operators]
    for name in names:
        overview.enqueue_orders(client, name, Order(do="apply", yes=yes))
    _await(client, names)
    found = overview.read_sets(client, overview.read_slots(client), settings)
    undone = [said for one in found if one.operator in names and (said := _undone(one))]
    if not undone:
        output.print_message(_DONE if found else NOTHING_DECLARED)
    return undone


def _undone(one: SetState) -> str:
    if one.devices:
        return f"{one.name}: {one.devices}"
    waiting = f"{one.deletions:,} deletions of {one.name} wait: receiver subscriptions apply --yes"
    return waiting if one.deletions else ""


def _await(client: redis.Redis, operators: Collection[str], *, orphan: str = "") -> None:
    """Wait until the controllers have done their orders. Raises `Refused` after a minute in which
    none was done, or where the one about this orphan cannot be done.
    """
    fewest, until = inf, 0.0
    try:
        while left := sum(overview.count_open_orders(client, name) for name in operators):
            if left < fewest:
                fewest, until = left, time.monotonic() + _LONGEST_WAIT
            elif time.monotonic() > until:
                raise setup.Refused(
                    "ordered, but not done yet: does `receiver worker` run, and the operator "
                    "answer?"
                )
            time.sleep(0.1)
    except KeyboardInterrupt:
        output.say(_STAYS)
        raise
    for name in operators if orphan else ():
        if said := overview.take_refusal(client, name, orphan):
            raise setup.Refused(f"{orphan}: {said}")
