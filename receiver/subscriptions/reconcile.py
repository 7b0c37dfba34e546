"""Creates slots for what is declared, and marks slots that are declared no more as not wanted."""

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

import structlog

from receiver.config import devices
from receiver.config.devices import Stillness
from receiver.config.subscription_sets import SubscriptionSet
from receiver.contract.redis_keys import SUBSCRIPTION_SETS
from receiver.subscriptions import desired
from receiver.subscriptions.context import Context
from receiver.subscriptions.desired import Difference, Outline
from receiver.subscriptions.slots import Slot
from receiver.subscriptions.store import Change

log = structlog.get_logger()

_LONG: Final = 60.0
"""Seconds after which it is said that a file is being written."""


class Reconciler:
    """Compares slots with `receiver.toml` when a file of devices has changed, a command asks, or a
    slot has lost its record.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._stamps: dict[str, tuple[int, ...]] = {}
        """Set -> the stamp of its file when it was compared."""
        self._still: defaultdict[str, Stillness] = defaultdict(Stillness)
        self._held: dict[str, float] = {}
        """Set whose file is being written -> since when, by the monotonic clock."""
        self._seen = self._dropped = -1
        """`Store.dropped` at the last comparison, and at the last one of all sets."""

    @property
    def compared(self) -> bool:
        """Return whether all that is declared has its slots, as far as is known."""
        return self._dropped == self._context.store.dropped

    @property
    def waits(self) -> bool:
        """Return whether a file of devices is being written: it is to be looked at again soon."""
        return bool(self._held)

    async def run(self, *, ordered: bool = False, yes: bool = False) -> None:
        """Compare and store what follows. A set whose file of devices is being written waits.

        `ordered`: at once, and also sets with `apply = "manual"`, changed or not. `yes`: also
        deletions of more than a tenth of a set.
        """
        sets, dropped = self._context.sets.values(), self._context.store.dropped
        stamps = _stamps(sets)
        await self._hold(set() if ordered else self._being_written(stamps))
        known = all(name in self._held or self._stamps.get(name) == stamps[name] for name in stamps)
        if known and self._seen == dropped and not ordered:
            return
        slots = await self._outlines(ordered=ordered)
        differences = [
            desired.difference(one, slots)
            for one in sets
            if ordered or (one.apply == "auto" and one.name not in self._held)
        ]
        if not ordered:  # somebody may have begun to write meanwhile
            begun = {name for name, stamp in _stamps(sets).items() if stamp != stamps[name]}
            await self._hold(self._held.keys() | begun)
        for each in (*differences, *desired.undeclared(sets, slots)):
            if each.name not in self._held:
                await self._apply(each, yes=yes)
        self._stamps |= {name: stamps[name] for name in stamps if name not in self._held}
        self._seen = dropped
        self._dropped = self._dropped if self._held else dropped

    def _being_written(self, stamps: Mapping[str, tuple[int, ...]]) -> set[str]:
        """Return the sets whose file has changed, and has not stayed the same for long enough."""
        settled, found = self._context.timing.device_settled, set()
        for name, one in self._context.sets.items():
            still = self._still[name].lasts(stamps[name], settled)
            if one.apply == "auto" and self._stamps.get(name) != stamps[name] and not still:
                found.add(name)
        return found

    async def _hold(self, names: AbstractSet[str]) -> None:
        """Have these sets, and no other, wait until nobody writes to their file."""
        now = time.monotonic()
        self._held = {name: self._held.get(name, now) for name in names}
        for name, since in list(self._held.items()):
            if now - since > _LONG:
                self._held[name] = math.inf  # and say it once
                file = self._context.sets[name].devices_file
                said = f"{file}: somebody is writing to it all the time: nothing is changed"
                await self._apply(Difference(name=name, trouble=said), yes=False)

    async def _outlines(self, *, ordered: bool) -> list[Outline]:
        """Return the outlines of all slots. Where it is ordered, none that is wanted rests then."""
        found: list[Outline] = []
        async for slot in self._context.store.slots():
            found.append(Outline.of(slot))
            if ordered and slot.wanted and slot.rest:
                await self._context.store.update_slot(slot.id, _want)
        return found

    async def _apply(self, each: Difference, *, yes: bool) -> None:
        store = self._context.store
        await self._note(each, "devices", each.trouble)
        if each.trouble:
            log.error("subscriptions.devices", set=each.name, said=each.trouble)
            return
        held = each.guarded and not yes
        waiting = len(each.delete) if held else ""
        await self._note(each, "deletions", waiting)
        if waiting:
            log.warning("subscriptions.deletions_wait", set=each.name, count=len(each.delete))
        if each.create and not each.have:  # what was refused was so at the operator before
            await self._context.end_pause(each.name)
        await store.add_slots(each.create)
        for name in [] if held else each.delete:
            await store.update_slot(name, _unwant)
        for name in each.again:
            await store.update_slot(name, _want)
        for name in each.moved:
            await store.update_slot(name, self._move)
        if not each.empty:
            log.info(
                "subscriptions.compared",
                set=each.name,
                wanted=each.wanted,
                create=len(each.create),
                delete=len(each.delete),
            )

    async def _note(self, each: Difference, what: str, value: object) -> None:
        """Store something of a set under its name, unless it has moved: then what is noted there is
        what the set's operator of now says.
        """
        if not each.left_at or each.name not in self._context.elsewhere:
            field = f"{each.name}:{what}"
            await self._context.store.write_field(SUBSCRIPTION_SETS, field, value)

    def _move(self, slot: Slot) -> Change:
        """Make a successor due, whose notifications come to the set's new listener."""
        slot.listener = self._context.sets[slot.set].listener
        for each in slot.attempts:
            each.renew = self._context.store.now()
        return Change()


def _stamps(sets: Iterable[SubscriptionSet]) -> dict[str, tuple[int, ...]]:
    return {one.name: devices.file_stamp(one) for one in sets}


def _unwant(slot: Slot) -> Change:
    slot.wanted, slot.gap = False, 0
    return Change()


def _want(slot: Slot) -> Change:
    slot.wanted, slot.rest = True, 0
    return Change()
