"""Compares what `receiver.toml` and its files of devices declare with the slots there are."""

import sys
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

from msgspec import Struct

from receiver.config import devices
from receiver.config.subscription_sets import SubscriptionSet
from receiver.subscriptions.slots import Slot, slot_id

_SHARE = 10
"""A deletion of more than a tenth of a set waits until an operator confirms it."""


class Outline(Struct, frozen=True, gc=False):
    """What is compared of a slot: a tenth of its size, for all of an operator are compared."""

    id: str
    set: str
    operator: str
    listener: str
    wanted: bool

    @classmethod
    def of(cls, slot: Slot) -> "Outline":
        """Return the outline of a slot."""
        name, operator, listener = map(sys.intern, (slot.set, slot.operator, slot.listener))
        return cls(slot.id, name, operator, listener, slot.wanted)


class Difference(Struct, kw_only=True):
    """What is to be done for one set, so that its slots are as declared."""

    name: str
    wanted: int = 0
    create: list[Slot] = []
    delete: list[str] = []
    """Names of slots."""
    again: list[str] = []
    """Slots that were to be deleted and are wanted after all."""
    moved: list[str] = []
    """Slots whose listener is another one now."""
    trouble: str = ""
    """Why the devices cannot be known; then nothing is to be done."""
    have: int = 0
    """Slots that were wanted before."""
    left_at: str = ""
    """The operator at which these slots were left: `receiver.toml` declares the set no more, or at
    another one. All of them are to be deleted."""

    @property
    def guarded(self) -> bool:
        """Return whether so much is to be deleted that it waits for `apply --yes`."""
        return len(self.delete) * _SHARE > self.have

    @property
    def empty(self) -> bool:
        """Return whether nothing is to be done."""
        return not (self.create or self.delete or self.again or self.moved or self.trouble)


def difference(one: SubscriptionSet, slots: Iterable[Slot | Outline]) -> Difference:
    """Compare a set with its slots."""
    own = {slot.id: slot for slot in slots if (slot.set, slot.operator) == (one.name, one.operator)}
    try:
        found = devices.load_devices(one)
    except devices.DevicesError as error:
        return Difference(name=one.name, trouble=str(error))
    wanted: set[str] = set()
    create: dict[str, Slot] = {}
    for device in found:
        for event_type in one.types:
            name = slot_id(one.name, one.operator, device, event_type)
            wanted.add(name)
            if name not in own:
                create[name] = _slot(name, one, device, event_type)
    return Difference(
        name=one.name,
        wanted=len(wanted),
        have=sum(slot.wanted for slot in own.values()),
        create=list(create.values()),
        delete=[name for name, slot in own.items() if slot.wanted and name not in wanted],
        again=[name for name, slot in own.items() if not slot.wanted and name in wanted],
        moved=[
            name for name, slot in own.items() if name in wanted and slot.listener != one.listener
        ],
    )


def _slot(name: str, one: SubscriptionSet, device: dict[str, Any], event_type: str) -> Slot:
    return Slot(
        id=name,
        set=one.name,
        operator=one.operator,
        listener=one.listener,
        type=event_type,
        device=device,
    )


def undeclared(
    sets: Iterable[SubscriptionSet], slots: Iterable[Slot | Outline]
) -> list[Difference]:
    """Return the sets that `receiver.toml` declares no more at an operator, and that have slots
    there.
    """
    known = {(one.name, one.operator) for one in sets}
    found: dict[tuple[str, str], Difference] = {}
    for slot in slots:
        where = (slot.set, slot.operator)
        if where not in known and slot.wanted:
            one = found.setdefault(where, Difference(name=slot.set, left_at=slot.operator))
            one.delete.append(slot.id)
            one.have += 1
    return list(found.values())


def left_alive(slots: Iterable[Slot], operators: Iterable[str], now: float) -> dict[str, int]:
    """Return operator -> subscriptions that may live at it, of the operators that are not among
    these: no controller renews or deletes them.
    """
    known = set(operators)
    alive: Counter[str] = Counter()
    for slot in slots:
        if slot.operator not in known:
            alive[slot.operator] += sum(
                (each.ends or each.asked_end) > now for each in slot.attempts
            )
    return dict(+alive)


def why_left(
    declared: Collection[tuple[str, str]], operators: Collection[str], name: str, operator: str
) -> str:
    """Return why a set's slots at an operator are renewed by nobody; empty where they are kept.

    `declared`: pairs of set and operator.
    """
    if (name, operator) in declared:
        return ""
    if operator not in operators:
        return f"receiver.toml has no [[operator]] {operator!r} any more"
    return f"receiver.toml does not declare it at {operator!r} any more"
