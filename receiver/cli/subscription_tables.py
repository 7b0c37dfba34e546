"""Tables of sets and slots on a terminal, and the plan of a set in words."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from receiver.cli.terminal.table import print_table
from receiver.cli.terminal.time_option import within_calendar
from receiver.config import devices
from receiver.subscriptions.desired import Difference
from receiver.subscriptions.set_state import SetState
from receiver.subscriptions.slots import Slot


def print_sets(found: list[SetState]) -> None:
    """Print a row for each set."""
    names = ("set", "operator", "wanted", "active", "others", "next end", "why")
    rows = (
        (x.name, x.operator, x.wanted, x.active, _others(x), _when(x.next_end), _why(x))
        for x in found
    )
    print_table(names, rows)


def print_slots(found: list[Slot]) -> None:
    """Print a row for each slot."""
    names = ("slot", "device", "type", "state", "subscription", "ends", "error")
    print_table(names, map(_row, found))


def print_orphans(found: list[dict[str, Any]]) -> None:
    """Print a row for each subscription that is in no record here."""
    names = list(dict.fromkeys(name for one in found for name in one))
    print_table(names, ([one.get(name, "") for name in names] for one in found))


def describe_searches(searched: Mapping[str, float | None]) -> Iterator[str]:
    """Say when orphans were last searched for at each operator, and when they are."""
    if not searched:
        yield "receiver.toml declares no [[operator]]"
        return
    for name, at in searched.items():
        yield f"{name}: " + (f"last searched {_when(at)}" if at else "not searched yet")
    yield "the controllers search once an hour and at their start"


def _row(slot: Slot) -> tuple[object, ...]:
    newest = slot.attempts[-1] if slot.attempts else None
    device = devices.display_text(slot.device)
    ids = newest.subscription if newest else ""
    ends = _when(newest.ends if newest else None)
    return slot.id, device, slot.type, slot.state, ids, ends, slot.error


def _others(one: SetState) -> str:
    others = {name: n for name, n in one.states.items() if name not in ("active", "renewing")}
    return ", ".join(f"{number:,} {name}" for name, number in sorted(others.items()))


def _why(one: SetState) -> str:
    waits = f"{one.deletions:,} deletions wait for `apply --yes`" if one.deletions else ""
    room = f"{one.no_room:,} renewals find no room in the quota" if one.no_room else ""
    refused = ", ".join(f"{number:,} x {error}" for error, number in one.refusals.items())
    return "; ".join(
        filter(None, (one.left, one.trouble, one.devices, one.stopped, waits, room, refused))
    )


def describe_difference(each: Difference, operators: Collection[str]) -> str:
    """Describe in words what is to be done for a set; `operators`: those of `receiver.toml`."""
    if each.trouble:
        return each.trouble
    if each.left_at and each.left_at not in operators:
        return (
            f"receiver.toml has no [[operator]] {each.left_at!r} any more: {len(each.delete):,} to "
            "delete, and nobody does; declare it again, then `apply --yes`"
        )
    parts = {
        "to create": len(each.create) + len(each.again),
        "to delete": len(each.delete),
        "to move to another listener": len(each.moved),
    }
    text = ", ".join(f"{number:,} {what}" for what, number in parts.items() if number)
    guard = "; the deletions wait for `apply --yes`" if each.delete and each.guarded else ""
    left = f"not declared at {each.left_at!r} any more: " if each.left_at else ""
    return left + (text or f"nothing to do, {each.wanted:,} wanted") + guard


def _when(seconds: float | None) -> str:
    return f"{within_calendar(seconds * 1000):%Y-%m-%d %H:%M} UTC" if seconds else ""
