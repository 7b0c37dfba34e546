"""The state of a subscription set in numbers: counted over its slots, completed by its counters."""

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from receiver.contract.stored_values import number, whole
from receiver.subscriptions.slots import Slot


class SetState(msgspec.Struct, kw_only=True):
    """One subscription set. Times are seconds since 1970."""

    name: str
    operator: str
    wanted: int = 0
    active: int = 0
    """Of the wanted slots, those with a living subscription."""
    states: dict[str, int] = {}
    """State -> wanted slots."""
    refusals: dict[str, int] = {}
    """Status and code -> wanted slots."""
    no_room: int = 0
    """Wanted slots whose quota has no room for a successor beside what lives."""
    next_end: float | None = None
    """When the first slot loses its last living subscription, unless it is renewed before."""
    renewal_due: float | None = None
    """When the first renewal is due, of the slots that have no successor in preparation."""
    unknown_since: float | None = None
    """When the oldest attempt was made of which nobody knows whether it lives."""
    gap_seconds: float = 0
    ended: int = 0
    """Subscriptions that the operator ended although they were wanted."""
    deaf: int = 0
    renewed: int = 0
    failed: dict[str, int] = {}
    """Reason -> attempts that came to nothing."""
    stopped: str = ""
    """Why no subscriptions are created at the moment."""
    left: str = ""
    """Why nobody renews its subscriptions: `receiver.toml` does not declare it there any more."""
    trouble: str = ""
    """Why nobody sees to it at the moment: no controller runs, or the operator does not let it."""
    devices: str = ""
    """Why its devices cannot be known."""
    deletions: int = 0
    """Waiting for `apply --yes`."""


def count(name: str, operator: str, slots: Iterable[Slot]) -> SetState:
    """Return what the slots of a set say."""
    state = SetState(name=name, operator=operator)
    for slot in slots:
        add(state, slot)
    return state


def add(state: SetState, slot: Slot) -> None:
    """Count one more slot of a set."""
    for each in slot.attempts:
        if each.state == "unknown":
            state.unknown_since = _first(state.unknown_since, each.created)
    if not slot.wanted:
        return
    state.wanted += 1
    state.states[slot.state] = state.states.get(slot.state, 0) + 1
    state.no_room += slot.no_room
    if slot.error:
        state.refusals[slot.error] = state.refusals.get(slot.error, 0) + 1
    if living := slot.living:
        state.active += 1
        state.next_end = _first(state.next_end, max(each.ends for each in living))
        if slot.state == "active":
            state.renewal_due = _first(state.renewal_due, living[-1].renew)


def together(one: SetState, other: SetState) -> SetState:
    """Return what two operators have of one set: it has moved, and something is left at the other.
    What is noted under the set's name is the same of both, but for what `complete` leaves out.
    """
    one, other = _beside(one, other), _beside(other, one)
    return msgspec.structs.replace(
        one,
        stopped=one.stopped or other.stopped,
        devices=one.devices or other.devices,
        deletions=one.deletions + other.deletions,
        wanted=one.wanted + other.wanted,
        active=one.active + other.active,
        states=dict(Counter(one.states) + Counter(other.states)),
        no_room=one.no_room + other.no_room,
        next_end=_first(one.next_end, other.next_end or 0),
        renewal_due=_first(one.renewal_due, other.renewal_due or 0),
        unknown_since=_first(one.unknown_since, other.unknown_since or 0),
    )


def _beside(state: SetState, other: SetState) -> SetState:
    """Return a state beside that of the same set at another operator. Where only this one was left,
    what lives counts; what has ended there is missed by nobody, and no renewal of it is due.
    """
    if other.left or not state.left:
        return state
    lives = {name: state.states.get(name, 0) for name in ("active", "renewing")}
    return msgspec.structs.replace(
        state, wanted=state.active, states=lives, no_room=0, renewal_due=None
    )


def when_ends(seconds: float) -> str:
    """Say when a subscription ends, in so many seconds; of one that is past its end nobody may know
    whether it lives, as long as its operator does not answer.
    """
    hours = seconds / 3600
    return f"ends in {hours:.1f} hours" if hours >= 0 else f"was to end {-hours:.1f} hours ago"


def _first(known: float | None, time: float) -> float | None:
    """Return the earlier of two times; 0 is none."""
    return min(filter(None, (known, time)), default=None)


def complete(state: SetState, noted: Mapping[str, str]) -> SetState:
    """Return the state with what `SUBSCRIPTION_SETS` says of the set, under `<set>:…`. Of what the
    set has left at an operator all waits to be deleted, and nothing else holds it up.
    """
    prefix = f"{state.name}:failed:"
    declared = not state.left
    return msgspec.structs.replace(
        state,
        gap_seconds=number(noted.get(f"{state.name}:gap_seconds")),
        ended=whole(noted.get(f"{state.name}:ended")),
        deaf=whole(noted.get(f"{state.name}:deaf")),
        renewed=whole(noted.get(f"{state.name}:renewed")),
        failed={
            name.removeprefix(prefix): whole(value)
            for name, value in noted.items()
            if name.startswith(prefix)
        },
        stopped=noted.get(f"{state.name}:stopped", "") if declared else "",
        devices=noted.get(f"{state.name}:devices", "") if declared else "",
        deletions=whole(noted.get(f"{state.name}:deletions")) if declared else state.wanted,
    )
