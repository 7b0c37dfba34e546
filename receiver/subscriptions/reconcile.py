"""Creates slots for what is declared, and marks slots that are declared no more as not wanted."""

import structlog

from receiver.config import devices
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

    @property
    def compared(self) -> bool:
        """Return whether all that is declared has its slots, as far as is known."""
        return self._dropped == self._context.store.dropped

    async def run(self, *, ordered: bool = False, yes: bool = False) -> None:
        """Compare and store what follows.

        `ordered`: also sets with `apply = "manual"`, changed or not. `yes`: also deletions of more
        than a tenth of a set.
        """
        sets = self._context.sets.values()
        stamps = {one.name: devices.file_stamp(one) for one in sets}
        dropped = self._context.store.dropped
        if self.compared and stamps == self._stamps and not ordered:
            return
        slots: list[Outline] = []
        async for slot in self._context.store.slots():
            slots.append(Outline.of(slot))
            if ordered and slot.wanted and slot.rest:
                await self._context.store.update_slot(slot.id, _want)
        differences = [
            desired.difference(one, slots) for one in sets if ordered or one.apply == "auto"
        ]
        for each in (*differences, *desired.undeclared(sets, slots)):
            await self._apply(each, yes=yes)
        self._stamps, self._dropped = stamps, dropped

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


def _unwant(slot: Slot) -> Change:
    slot.wanted, slot.gap = False, 0
    return Change()


def _want(slot: Slot) -> Change:
    slot.wanted, slot.rest = True, 0
    return Change()
