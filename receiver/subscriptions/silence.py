"""Checks slots from which no event has come for long: whether events are missing."""

from receiver.outbound import device_status
from receiver.subscriptions import ending, last_events
from receiver.subscriptions.context import Context
from receiver.subscriptions.last_events import Kind
from receiver.subscriptions.slots import Attempt, Slot
from receiver.subscriptions.store import Change


async def check_silence(context: Context, slot: Slot, attempt: Attempt) -> None:
    """Check a silent subscription, and replace one whose events are missing.

    One that is alive and has nothing to send is not checked again for as long as before.
    """
    await ending.check_alive(context, slot, attempt)
    missing = await _events_are_missing(context, slot)
    now = context.store.now()

    def change(slot: Slot) -> Change:
        slot.checked = now
        if not missing:
            return Change()
        for each in slot.living:
            each.renew = now
        return Change(writes=(("count", f"{slot.set}:deaf", 1),))

    await context.store.update_slot(slot.id, change)


async def _events_are_missing(context: Context, slot: Slot) -> bool:
    """Return whether the device is in a state that this slot reports, and the last event of the
    device stated another one.
    """
    kind: Kind = "roaming" if slot.type.startswith("roaming-") else "reachability"
    last = context.last.state(slot, kind)
    if not last or kind not in device_status.urls(context.operator):
        return False
    client = context.api.client
    status = await device_status.ask(client, context.operator, slot.device, (kind,))
    if kind == "roaming":
        actual = last_events.roaming(status.roaming)
    elif status.reachable is None or (status.reachable and status.connectivity is None):
        return False  # not said, or not how: CAMARA's schema leaves `connectivity` optional
    else:
        actual = last_events.reachability(
            {"reachable": status.reachable, "connectivity": status.connectivity}
        )
    reported = slot.type in (f"{kind}-{actual}", "roaming-status")
    return bool(actual) and reported and last != actual
