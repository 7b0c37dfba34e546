"""Makes what is wanted what there is to be: creates slots, and marks those that are not wanted."""

import structlog

from receiver.contract.redis_keys import SUBSCRIPTION_SETS
from receiver.subscriptions import desired, devices
from receiver.subscriptions.context import Context
from receiver.subscriptions.desired import Difference
from receiver.subscriptions.records import Slot
from receiver.subscriptions.store import Change

log = structlog.get_logger()


class Reconciler:
    """Compares again whenever a file of devices has changed, or somebody asks for it."""

    def __init__(self, about: Context) -> None:
        self._about = about
        self._stamps: dict[str, tuple[float, int]] = {}
        self._compared = False

    async def run(self, *, ordered: bool = False, yes: bool = False) -> None:
        """Compare; `ordered` also sets that are applied by hand, `yes` also mass deletions."""
        sets = self._about.sets.values()
        stamps = {one.name: devices.stamp(one) for one in sets}
        if self._compared and stamps == self._stamps and not ordered:
            return
        slots = list((await self._about.store.slots()).values())
        differences = [
            desired.difference(one, slots) for one in sets if ordered or one.apply == "auto"
        ]
        for each in (*differences, *desired.undeclared(self._about.sets, slots)):
            await self._apply(each, yes=yes)
        self._stamps, self._compared = stamps, True

    async def _apply(self, each: Difference, *, yes: bool) -> None:
        store = self._about.store
        await store.note(SUBSCRIPTION_SETS, f"{each.name}:devices", each.trouble)
        if each.trouble:
            log.error("subscriptions.devices", set=each.name, said=each.trouble)
            return
        held = each.guarded and not yes
        waiting = len(each.delete) if held and each.delete else ""
        await store.note(SUBSCRIPTION_SETS, f"{each.name}:deletions", waiting)
        if waiting:
            log.warning("subscriptions.deletions_wait", set=each.name, count=len(each.delete))
        await store.add(each.create)
        for name in [] if held else each.delete:
            await store.update(name, _unwant)
        for name in each.again:
            await store.update(name, _want)
        for name in each.moved:
            await store.update(name, self._move)
        if not each.empty:
            log.info(
                "subscriptions.compared",
                set=each.name,
                wanted=each.wanted,
                create=len(each.create),
                delete=len(each.delete),
            )

    def _move(self, slot: Slot) -> Change:
        """Notifications are to come to another listener: a successor is made."""
        slot.listener = self._about.sets[slot.set].listener
        for each in slot.living:
            each.renew = self._about.store.now()
        return Change()


def _unwant(slot: Slot) -> Change:
    slot.wanted, slot.gap = False, 0
    return Change()


def _want(slot: Slot) -> Change:
    slot.wanted, slot.rest = True, 0
    return Change()
