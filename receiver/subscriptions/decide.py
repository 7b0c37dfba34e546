"""What is to be done next with one slot, and when: a function of its record alone."""

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from receiver.subscriptions.records import Attempt, Slot

Action = Literal[
    "void", "doubt", "resolve", "look", "finish", "mark", "delete", "remove", "create", "check"
]

EXPIRING: Final = 0
NEW: Final = 1
DELETION: Final = 2


_AFTER_THE_END: Final = 5.0


class Step(NamedTuple):
    """One thing to do."""

    at: float
    """Seconds since 1970; 0 is at once."""
    action: Action
    rank: int = EXPIRING
    attempt: Attempt | None = None


class Policy(NamedTuple):
    """What a slot's operator and set say."""

    replace: bool = False
    """The predecessor is deleted before its successor is created."""
    silent: float = 0
    """Seconds of silence that are believed; 0: any."""
    heard: float = 0
    """When the slot was last heard."""


def next_step(slot: Slot, policy: Policy) -> Step | None:
    """Return what comes first."""
    steps = [*_ends(slot), *(_wanted(slot, policy) if slot.wanted else _unwanted(slot))]
    return min(steps, key=lambda step: step.at, default=None)


def _ends(slot: Slot) -> Iterator[Step]:
    """What each attempt needs by itself."""
    for each in slot.attempts:
        if each.ended:
            yield Step(0, "finish", EXPIRING, each)
            continue
        match each.state:
            case "intended":  # whoever was to send it does not live any more
                yield Step(0, "void", EXPIRING, each)
            case "posting":
                yield Step(0, "doubt", EXPIRING, each)
            case "unknown":
                yield Step(each.next, "resolve", EXPIRING, each)
            case "pending":
                yield Step(each.next, "look", EXPIRING, each)
            case "active":
                yield Step(each.next or each.ends + _AFTER_THE_END, "look", EXPIRING, each)
            case "deleting":
                rank = EXPIRING if slot.wanted else DELETION
                yield Step(each.delete, "delete", rank, each)


def _unwanted(slot: Slot) -> Iterator[Step]:
    for each in slot.living:
        yield Step(0, "mark", DELETION, each)
    if not slot.attempts:
        yield Step(0, "remove", DELETION)


def _wanted(slot: Slot, policy: Policy) -> Iterator[Step]:
    living = slot.living
    for each in living[:-1]:
        yield Step(each.delete, "mark", EXPIRING, each)
    busy = {"intended", "posting", "unknown", "pending"} | (
        {"deleting"} if policy.replace else set()
    )
    if any(each.state in busy for each in slot.attempts):
        return
    if not living:
        yield Step(slot.rest, "create", EXPIRING if slot.gap else NEW)
        return
    newest = living[-1]
    due = max(newest.renew, slot.rest)
    yield Step(due, "mark" if policy.replace else "create", EXPIRING, newest)
    if policy.silent:
        since = max(policy.heard, newest.created, slot.checked)
        yield Step(since + policy.silent, "check", EXPIRING, newest)
