"""Checks slots from which no event has come for long: whether events are missing."""

from typing import Any

from receiver.outbound import device_status
from receiver.subscriptions import ending
from receiver.subscriptions.context import Context
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
    """Return whether the device is in the state that this slot reports, and the last event of the
    device reported another one.
    """
    last = context.last_states.get(str(slot.device))
    if not last or not context.operator.status or not slot.type.startswith("reachability-"):
        return False
    client = context.api.client
    status = await device_status.ask(client, context.operator, slot.device, ("reachability",))
    if status.reachable is None:
        return False
    actual = reachability_state(
        {"reachable": status.reachable, "connectivity": status.connectivity}
    )
    return slot.type == f"reachability-{actual}" and last != actual


def reachability_state(document: dict[str, Any]) -> str:
    """Return `data`, `sms` or `disconnected` (ReachabilityStatusResponse, and our events)."""
    if document.get("reachable") is not True:
        return "disconnected"
    connectivity = document.get("connectivity")
    return "data" if isinstance(connectivity, list) and "DATA" in connectivity else "sms"
