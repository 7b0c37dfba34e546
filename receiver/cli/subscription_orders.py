"""Orders to the controllers of subscriptions, and waiting until they are done."""

import time
from collections.abc import Collection
from typing import Final

import msgspec
import redis

from receiver.cli.terminal import output, setup
from receiver.config.settings import Settings
from receiver.subscriptions import overview
from receiver.subscriptions.orders import Order
from receiver.subscriptions.set_state import SetState

_LONGEST_WAIT: Final = 60.0
_DONE: Final = "done: see `receiver subscriptions list`"


def order_slots(client: redis.Redis, name: str, do: str) -> None:
    """Have the controllers do something with the slot of this id, or all slots of this set. Raises
    `Refused`.
    """
    with setup.redis_faults():
        found = [slot for slot in overview.read_slots(client) if name in (slot.set, slot.id)]
        if not found or (do == "delete" and found[0].id != name):
            raise setup.Refused("there is no such slot: see `receiver subscriptions show`")
        for slot in found:
            order = msgspec.convert({"do": do, "slot": slot.id}, Order)
            overview.enqueue_order(client, slot.operator, order)
        _await(client, {slot.operator for slot in found})
    output.print_message(_DONE)


def order_orphan(client: redis.Redis, orphan: tuple[str, str], do: str, name: str) -> None:
    """Have the controller do something with an orphan, by what `find_orphan` returned of it. Raises
    `Refused`, also with what the operator said.
    """
    operator, base = orphan
    order = msgspec.convert({"do": do, "base": base, "subscription": name}, Order)
    overview.enqueue_order(client, operator, order)
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
    with setup.redis_faults():
        for name in names:
            overview.enqueue_order(client, name, Order(do="apply", yes=yes))
        _await(client, names)
        found = overview.read_sets(client, overview.read_slots(client), settings)
    undone = {one.name: _undone(one) for one in found if one.operator in names}
    if not any(undone.values()):
        output.print_message(_DONE)
    return [said for said in undone.values() if said]


def _undone(one: SetState) -> str:
    if one.devices:
        return f"{one.name}: {one.devices}"
    waiting = f"{one.deletions:,} deletions of {one.name} wait: receiver subscriptions apply --yes"
    return waiting if one.deletions else ""


def _await(client: redis.Redis, operators: Collection[str], *, orphan: str = "") -> None:
    """Wait until the controllers have done their orders. Raises `Refused` after a minute, or where
    the one about this orphan cannot be done.
    """
    until = time.monotonic() + _LONGEST_WAIT
    while any(overview.count_open_orders(client, name) for name in operators):
        if time.monotonic() > until:
            raise setup.Refused(
                "ordered, but not done yet: does `receiver worker` run, and the operator answer?"
            )
        time.sleep(0.1)
    for name in operators if orphan else ():
        if said := overview.take_refusal(client, name, orphan):
            raise setup.Refused(f"{orphan}: {said}")
