"""Looks into a slot that has not been heard for long: whether it lives, and whether it tells us."""

from typing import Any

from receiver.outbound import NotSent, Unanswered
from receiver.subscriptions import ending
from receiver.subscriptions.context import Context
from receiver.subscriptions.records import Attempt, Slot
from receiver.subscriptions.store import Change


async def check(about: Context, slot: Slot, attempt: Attempt) -> None:
    """GET it; one that lives is asked for what its events should have said.

    One that is not deaf is believed for as long again.
    """
    await ending.look(about, slot, attempt)
    deaf = await _is_deaf(about, slot)
    now = about.store.now()

    def change(slot: Slot) -> Change:
        slot.checked = now
        if not deaf:
            return Change()
        for each in slot.living:
            each.renew = now
        return Change(goes=(("count", f"{slot.set}:deaf", 1),))

    await about.store.update(slot.id, change)


async def _is_deaf(about: Context, slot: Slot) -> bool:
    """Whether the network says what no event has: the state that this slot's events stand for,
    while the last event of its device stood for another.
    """
    said = about.says.get(str(slot.device))
    if not said or not about.operator.status or not slot.type.startswith("reachability-"):
        return False
    url = f"{about.operator.status.rstrip('/')}/retrieve"
    try:
        answer = await about.api.client.request("POST", url, {"device": slot.device})
    except (NotSent, Unanswered):
        return False
    document = answer.document
    if answer.status != 200 or not isinstance(document, dict):
        return False
    actual = word(document)
    return slot.type == f"reachability-{actual}" and said != actual


def word(document: dict[str, Any]) -> str:
    """Return `data`, `sms` or `disconnected` (ReachabilityStatusResponse, and our events)."""
    if document.get("reachable") is not True:
        return "disconnected"
    connectivity = document.get("connectivity")
    return "data" if isinstance(connectivity, list) and "DATA" in connectivity else "sms"
