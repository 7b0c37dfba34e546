"""Decides what one slot needs next, and when: a function of its record and its policy alone."""

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from receiver.subscriptions import timing
from receiver.subscriptions.slots import Attempt, Slot

Action = Literal[
    "discard_intent",
    "mark_unknown",
    "resolve",
    "check_alive",
    "remove_attempt",
    "mark_for_deletion",
    "make_room",
    "delete",
    "remove_slot",
    "create",
    "check_silence",
]

EXPIRING: Final = 0
ENDED: Final = 1
NEW: Final = 2
DELETION: Final = 3
"""Ranks: what keeps a subscription alive comes before what replaces one that has ended, then come
new ones, and deletions last."""

_AFTER_THE_END: Final = 5.0
"""Seconds after its end until a subscription is checked: the notice of the end may come first."""
_GIVEN_UP: Final = 600.0
"""Seconds after its end until an attempt is given up of which the operator tells nothing: clocks
differ, and it is looked for once more."""
_ASKING: Final[frozenset[Action]] = frozenset(
    {"resolve", "check_alive", "delete", "create", "make_room", "check_silence"}
)
"""What asks something of the operator."""
_UNDECIDED: Final = frozenset({"intended", "posting", "unknown", "pending"})


class Step(NamedTuple):
    """One thing to do."""

    at: float
    """Seconds since 1970; 0 is at once."""
    action: Action
    rank: int = EXPIRING
    attempt: Attempt | None = None


class Policy(NamedTuple):
    """What a slot's operator and set demand."""

    replaces: bool = False
    """Whether the predecessor is deleted before its successor is created."""
    silent: float = 0
    """Seconds without an event until the subscription is checked; 0: never."""
    last_event: float = 0
    """When the slot's last event came."""
    asks: bool = True
    """Whether the operator's table has a URL of the slot's API. Without one nothing can be asked,
    and an attempt is let go when it must have ended."""
    declared: bool = True
    """Whether `receiver.toml` declares the set there still. What lives of another is not renewed:
    to delete it waits for `apply --yes`."""


def next_step(slot: Slot, policy: Policy) -> Step | None:
    """Return the step that is due first; None where a slot needs nothing."""
    steps = [*_for_attempts(slot), *(_wanted(slot, policy) if slot.wanted else _unwanted(slot))]
    if not policy.asks:
        steps = [each for each in steps if each.action not in _ASKING]
    return min(steps, key=lambda step: step.at, default=None)


def _for_attempts(slot: Slot) -> Iterator[Step]:
    """Yield what each attempt needs by itself, whether its slot is wanted or not."""
    for each in slot.attempts:
        if each.ended:
            yield Step(0, "remove_attempt", EXPIRING, each)
            continue
        match each.state:
            case "intended":  # the controller that was to send it has died
                yield Step(0, "discard_intent", EXPIRING, each)
            case "posting":
                yield Step(0, "mark_unknown", EXPIRING, each)
            case "unknown":
                yield Step(each.next, "resolve", EXPIRING, each)
                yield _given_up(each)
            case "pending":
                yield Step(each.next, "check_alive", EXPIRING, each)
                yield _given_up(each)
            case "active":
                yield Step(each.next or each.ends + _AFTER_THE_END, "check_alive", EXPIRING, each)
            case "deleting":
                rank = EXPIRING if slot.wanted else DELETION
                yield Step(each.delete, "delete", rank, each)
                yield _given_up(each)


def _given_up(attempt: Attempt) -> Step:
    """Return the end of an attempt that its operator never tells of: it would hold up its slot."""
    over = (attempt.ends or attempt.asked_end) + _GIVEN_UP
    return Step(over, "remove_attempt", EXPIRING, attempt)


def _unwanted(slot: Slot) -> Iterator[Step]:
    for each in slot.living:
        yield Step(0, "mark_for_deletion", DELETION, each)
    if not slot.attempts:
        yield Step(0, "remove_slot", DELETION)


def _wanted(slot: Slot, policy: Policy) -> Iterator[Step]:
    living = slot.living
    for each in living[:-1]:
        yield Step(each.delete, "mark_for_deletion", EXPIRING, each)
    busy = _UNDECIDED | {"deleting"} if policy.replaces or slot.no_room else _UNDECIDED
    if not policy.declared or any(each.state in busy for each in slot.attempts):
        return
    if not living:
        yield Step(slot.rest, "create", ENDED if slot.gap else NEW)
        return
    newest = living[-1]
    due = max(newest.renew, slot.rest)
    if policy.replaces:  # those that have made room come first: they are without one meanwhile
        yield Step(due, "make_room", NEW, newest)
    else:
        yield Step(due, "create", EXPIRING, newest)
    if slot.no_room:
        late = timing.last_chance(newest.ends, newest.renew)
        yield Step(late, "mark_for_deletion", EXPIRING, newest)
    if policy.silent:
        since = max(policy.last_event, newest.created, slot.checked)
        yield Step(since + policy.silent, "check_silence", EXPIRING, newest)
