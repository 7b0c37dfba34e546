"""Warnings for `/readyz` of what is wrong with subscriptions, which is no reason to refuse."""

from collections.abc import Iterator
from typing import Any, Final

import redis.asyncio

from receiver.config.settings import Settings
from receiver.subscriptions import operator_state
from receiver.subscriptions.operator_state import OperatorState
from receiver.subscriptions.set_state import SetState, when_ends

_EVERY: Final = 10
"""Looks of the monitor between two readings."""
_LONG: Final = 900.0
"""Seconds that an operator may fail, or an attempt be unknown, without a warning."""
_ENDS_SOON: Final = 6 * 3600.0


class SubscriptionWarnings:
    """The warnings, as the controllers' states were when they were last read."""

    def __init__(self, settings: Settings) -> None:
        self.take(settings)

    def take(self, settings: Settings) -> None:
        """Look at these settings' operators from now on, at the next look for the first time."""
        self._operators = sorted({one.operator for one in settings.subscriptions})
        self._looks = 0
        self.warnings: list[str] = []

    async def look(self, client: redis.asyncio.Redis) -> None:
        """Read the states of the operators with subscriptions, some looks after the last time.

        Raises one of `DOWN_ON_THE_LOOP`.
        """
        due, self._looks = self._looks % _EVERY == 0, self._looks + 1
        if not due or not self._operators:
            return
        async with client.pipeline(transaction=False) as pipe:
            pipe.time()
            operator_state.enqueue(pipe, self._operators)
            found: Any = await pipe.execute()
        (now, _), *replies = found
        states = operator_state.parse(self._operators, replies)
        self.warnings = [said for one in states for said in _of_operator(one, now)]


def _of_operator(one: OperatorState, now: float) -> Iterator[str]:
    name = f"operator {one.name}"
    if not one.controlled:
        yield f"{name}: no controller keeps its subscriptions; see receiver doctor"
    if one.trouble:
        yield f"{name}: {one.trouble}"
    if one.circuit_open and now - one.circuit_open > _LONG:
        yield f"{name} has failed for {(now - one.circuit_open) / 60:.0f} minutes"
    if one.quota_until > now:
        yield f"{name} gives no more subscriptions: its quota is reached"
    for each in one.sets:
        yield from (f"subscriptions {each.name}: {said}" for said in _of_set(each, now))


def _of_set(one: SetState, now: float) -> Iterator[str]:
    if one.devices:
        yield one.devices
    if one.stopped:
        yield f"stopped: {one.stopped}"
    if not one.left and (missing := one.wanted - one.active):
        yield f"{missing} of {one.wanted} do not live"
    overdue = one.renewal_due is not None and now - one.renewal_due > _LONG
    if one.next_end is not None and overdue and one.next_end - now < _ENDS_SOON:
        yield f"one {when_ends(one.next_end - now)} and is not being renewed"
    if one.unknown_since and now - one.unknown_since > _LONG:
        yield f"for {(now - one.unknown_since) / 60:.0f} minutes unknown whether one was created"
