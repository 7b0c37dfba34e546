"""Creates slots for what is declared, and marks slots that are declared no more as not wanted."""

from collections.abc import Iterable

import structlog

from receiver.config import devices
from receiver.config.subscription_sets import SubscriptionSet
from receiver.contract.redis_keys import SUBSCRIPTION_SETS
from receiver.subscriptions import desired
from receiver.subscriptions.context import Context
from receiver.subscriptions.desired import Difference, Outline
from receiver.subscriptions.slots import Slot
from receiver.subscriptions.store import Change

log = structlog.get_logger()


class Reconciler:
    """Compares slots with `receiver.toml` when a file of devices has changed, a command asks, or a
    slot has lost its record.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._stamps: dict[str, tuple[int, ...]] = {}
        self._dropped = -1
        self.waits = False
        """Whether a file of devices is being written: it is to be looked at again soon."""

    @property
    def compared(self) -> bool:
        """Return whether all that is declared has its slots, as far as is known."""
        return self._dropped == self._context.store.dropped

    async def run(self, *, ordered: bool = False, yes: bool = False) -> None:
        """Compare and store what follows, once no file of devices is being written.

        `ordered`: at once, and also sets with `apply = "manual"`, changed or not. `yes`: also
        deletions of more than a tenth of a set.
        """
        sets = self._context.sets.values()
        stamps, self.waits = _stamps(sets), False
        dropped = self._context.store.dropped
        if self.compared and stamps == self._stamps and not ordered:
            return
        settled = self._context.timing.device_settled
        self.waits = not ordered and any(devices.unchanged_for(one) < settled for one in sets)
        if self.waits:
            return
        slots = await self._outlines(ordered=ordered)
        differences = [
            desired.difference(one, slots) for one in sets if ordered or one.apply == "auto"
        ]
        self.waits = not ordered and _stamps(sets) != stamps  # somebody has begun to write
        if self.waits:
            return
        for each in (*differences, *desired.undeclared(sets, slots)):
            await self._apply(each, yes=yes)
        self._stamps, self._dropped = stamps, dropped

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
        await store.write_field(SUBSCRIPTION_SETS, f"{each.name}:devices", each.trouble)
        if each.trouble:
            log.error("subscriptions.devices", set=each.name, said=each.trouble)
            return
        held = each.guarded and not yes
        waiting = len(each.delete) if held else ""
        await store.write_field(SUBSCRIPTION_SETS, f"{each.name}:deletions", waiting)
        if waiting:
            log.warning("subscriptions.deletions_wait", set=each.name, count=len(each.delete))
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
