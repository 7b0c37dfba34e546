"""The metrics of subscriptions: by set and operator, never by device."""

import math
from collections.abc import Callable, Iterator
from typing import Final, get_args

from prometheus_client.core import Metric

from receiver.metrics.families import Labelled, counter, gauge, labelled
from receiver.metrics.snapshot import Snapshot
from receiver.subscriptions.operator_state import OperatorState
from receiver.subscriptions.set_state import SetState, together
from receiver.subscriptions.slots import SlotState

_Of = Callable[[SetState, float], float]
_SETS: Final[dict[str, tuple[str, _Of]]] = {
    "wanted": ("Subscriptions that receiver.toml wants.", lambda one, _: one.wanted),
    "active": ("Of them, those that live.", lambda one, _: one.active),
    "next_end_seconds": (
        "Until the first one ends unless it is renewed; +Inf: none lives.",
        lambda one, now: math.inf if one.next_end is None else one.next_end - now,
    ),
    "renewal_overdue_seconds": (
        "Since the first renewal was due that nothing is done about; 0: none is.",
        lambda one, now: max(0.0, now - (one.renewal_due or now)),
    ),
    "unknown_oldest_seconds": (
        "Age of the oldest attempt that may have made a subscription or not; 0: there is none.",
        lambda one, now: max(0.0, now - (one.unknown_since or now)),
    ),
    "stopped": (
        "1 while none is created because all were refused alike, or ended at once.",
        lambda one, _: int(bool(one.stopped)),
    ),
    "devices_unreadable": (
        "1 while the set's file of devices cannot be read.",
        lambda one, _: int(bool(one.devices)),
    ),
    "no_room": (
        "Renewals that the operator's quota has no room for beside what lives.",
        lambda one, _: one.no_room,
    ),
    "deletions_waiting": (
        "Deletions that wait for `receiver subscriptions apply --yes`.",
        lambda one, _: one.deletions,
    ),
}
_COUNTS: Final[dict[str, tuple[str, _Of]]] = {
    "renewed": ("Successors that came to life.", lambda one, _: one.renewed),
    "ended": ("Subscriptions that the operator ended.", lambda one, _: one.ended),
    "deaf": ("Those that lived and said nothing of what happened.", lambda one, _: one.deaf),
    "gap_seconds": (
        "Seconds in which slots that had a subscription had none.",
        lambda one, _: one.gap_seconds,
    ),
}
_OPERATORS: Final[dict[str, tuple[str, Callable[[OperatorState, float], float]]]] = {
    "controlled": (
        "1 if a controller keeps the operator's subscriptions.",
        lambda one, _: int(one.controlled),
    ),
    "seen_seconds": (
        "Since its controller last completed a round; +Inf: never.",
        lambda one, now: now - one.seen if one.seen else math.inf,
    ),
    "last_success_seconds": (
        "Since the operator last answered with a 2xx; +Inf: never.",
        lambda one, now: now - one.succeeded if one.succeeded else math.inf,
    ),
    "circuit_open": (
        "1 while nothing is sent because requests failed.",
        lambda one, _: int(one.circuit_open > 0),
    ),
    "quota_exhausted": (
        "1 while no new subscriptions are created because a quota was reached.",
        lambda one, now: int(one.quota_until > now),
    ),
    "trouble": (
        "1 while the controller cannot work, or the operator does not accept who we are.",
        lambda one, _: int(bool(one.trouble)),
    ),
    "clock_ahead_seconds": (
        "How far the operator's clock is ahead of the controller's.",
        lambda one, _: one.seconds_ahead,
    ),
}


def metrics(snapshot: Snapshot) -> Iterator[Metric]:
    """Yield all of them."""
    now, stored = snapshot.now, snapshot.subscription_credentials
    yield gauge("receiver_subscription_credentials", "Credentials of subscriptions.", stored)
    sets: dict[tuple[str, ...], SetState] = {}
    for each in (each for one in snapshot.operators for each in one.sets):
        known = sets.get((each.name,))
        sets[each.name,] = together(known, each) if known else each
    by_state: Labelled = {
        (*name, state): one.states.get(state, 0)
        for name, one in sets.items()
        for state in get_args(SlotState)
    }
    said = "Wanted subscriptions, by state."
    yield labelled("receiver_subscriptions", said, ["set", "state"], by_state)
    for name, (said, value) in _SETS.items():
        values: Labelled = {key: value(one, now) for key, one in sets.items()}
        yield labelled(f"receiver_subscriptions_{name}", said, ["set"], values)
    for name, (said, value) in _COUNTS.items():
        values = {key: value(one, now) for key, one in sets.items()}
        yield counter(f"receiver_subscriptions_{name}", said, ["set"], values)
    failed: Labelled = {
        (*key, reason): number for key, one in sets.items() for reason, number in one.failed.items()
    }
    said = "Attempts that came to nothing, by reason."
    yield counter("receiver_subscriptions_failed", said, ["set", "reason"], failed)
    yield from _operators(snapshot.operators, now)


def _operators(found: list[OperatorState], now: float) -> Iterator[Metric]:
    orphans: Labelled = {(one.name,): one.orphans for one in found}
    said = "Subscriptions at our URL that are in no record here."
    yield labelled("receiver_subscriptions_orphans", said, ["operator"], orphans)
    requests: Labelled = {
        (one.name, status): number for one in found for status, number in one.requests.items()
    }
    said = "Requests to an operator, by status; `not-sent` and `unanswered` had no answer."
    yield counter("receiver_operator_requests", said, ["operator", "status"], requests)
    for name, (said, value) in _OPERATORS.items():
        values: Labelled = {(one.name,): value(one, now) for one in found}
        yield labelled(f"receiver_operator_{name}", said, ["operator"], values)
