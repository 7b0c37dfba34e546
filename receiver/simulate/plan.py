"""The plan of a run: what is sent and when, decided by scenario, seed and the run's name alone.

The name is in every mark: a second run against the same receiver sends no duplicates. The same name
and seed give the same bytes.
"""

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from random import Random
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from receiver.simulate import bodies
from receiver.simulate.bodies import STATUS_SEQUENCES, TYPES, Body
from receiver.simulate.scenario import Scenario

Conduct = Literal["plain", "slow", "cut", "hang up"]
Hostile = Literal["", "malformed", "oversized", "no token", "wrong token"]

RUN_DIGITS: Final = 12
_MARK_DIGITS: Final = 8
ENDED: Final = "v0.subscription-ended"
"""The `word` of a subscription's last notification."""
_REACTIONS: Final = 0xF0000000
"""The first number of notifications that a response causes."""


class Planned(Struct, frozen=True, kw_only=True):
    """One notification to be sent, valid or hostile."""

    number: int
    kind: str
    path: str
    content_type: str
    body: bytes
    due: float
    """When it is due, in seconds from the beginning."""
    at: float
    """When it is sent for the first time: later, if it is held back."""
    mark: int
    """The number in its mark: its own, or that of the first notification about the same message."""
    word: str = ""
    """What tells notifications with the same mark apart: the status, the event's name."""
    subscription: str = ""
    """Of a CAMARA notification."""
    conduct: Conduct = "plain"
    """How the first attempt is sent; those that follow are plain."""
    hostile: Hostile = ""
    """Why no receiver should take it; never called lost."""
    again: float | None = None
    """Seconds after `at` when it is sent once more, whatever the response was."""

    @property
    def of_att(self) -> bool:
        """Return whether AT&T's rules hold, else CAMARA's."""
        return not self.subscription


class Plan:
    """An iterator of the notifications, in the order of `due`. For one use."""

    def __init__(self, scenario: Scenario, seed: int, run: str, zone: tzinfo = UTC) -> None:
        """`zone` is that of times that carry none, as AT&T's: the listener's."""
        self._scenario = scenario
        self._run = run
        self._zone = zone
        self._random = Random(seed)  # noqa: S311 - repeatable is what is wanted
        self._begun = datetime.fromtimestamp(int(run[:8], 16), UTC)
        self._kinds = list(scenario.mix)
        self._weights = list(scenario.mix.values())
        self._subscriptions = [
            (f"{self._random.getrandbits(64):016x}", bodies.number(self._random))
            for _ in range(scenario.camara.subscriptions)
        ]
        self._unfinished: deque[tuple[int, str, deque[str]]] = deque()
        """Messages with statuses still to come: mark, address, statuses."""
        self._last: tuple[int, str, tuple[str, str]] | None = None
        """The CAMARA event before: mark, type, subscription."""

    def __iter__(self) -> Iterator[Planned]:
        for number, due in enumerate(self._due_times()):
            if number == self._scenario.count:
                return
            yield self._next_planned(number, due)

    def ended(self, subscription: str, nth: int, at: float) -> Planned:
        """Return the notification that a subscription ended because its token was refused."""
        number = _REACTIONS + nth
        written = bodies.subscription_ended(self._when(at), self._mark(number), subscription)
        return self._planned(number, "lifecycle", ENDED, written, at, subscription)

    def _due_times(self) -> Iterator[float]:
        now = 0.0
        for phase in self._scenario.phase:
            yield from (now for _ in range(phase.burst))
            until = now + phase.seconds
            while phase.rate and (now := now + self._random.expovariate(phase.rate)) < until:
                yield now
            now = until

    def _next_planned(self, number: int, due: float) -> Planned:
        kind = self._random.choices(self._kinds, self._weights)[0]
        if kind == "mo":
            mark, word, subscription, written = number, "", "", self._mo(number, due)
        elif kind == "delivery-status":
            mark, word, written = self._status(number)
            subscription = ""
        else:
            mark, word, subscription, written = self._camara(kind, number, due)
        planned = self._planned(mark, kind, word, written, due, subscription)
        return self._with_faults(planned, number, written)

    def _planned(
        self, mark: int, kind: str, word: str, written: Body, due: float, subscription: str
    ) -> Planned:
        paths = self._scenario.paths
        path = {"mo": paths.mo, "delivery-status": paths.delivery_status}.get(kind, paths.camara)
        return Planned(
            number=mark,
            kind=kind,
            path=path,
            content_type=written.content_type,
            body=written.body,
            due=due,
            at=due,
            mark=mark,
            word=word,
            subscription=subscription,
        )

    def _mo(self, number: int, due: float) -> Body:
        with_id = not self._chance(self._scenario.att.empty_message_id)
        when = self._when(due).astimezone(self._zone)
        return bodies.mo(self._random, when, self._mark(number), with_id=with_id)

    def _status(self, number: int) -> tuple[int, str, Body]:
        """Return the next status of a message that waits for one, or the first of a new message."""
        if not self._unfinished or self._random.random() < 1 / (1 + len(self._unfinished)):
            story = self._random.choices([*STATUS_SEQUENCES], [*STATUS_SEQUENCES.values()])[0]
            self._unfinished.append((number, bodies.number(self._random), deque(story)))
        mark, address, story_left = self._unfinished[0]
        self._unfinished.rotate(-1)
        status = story_left.popleft()
        if not story_left:
            self._unfinished.pop()
        return mark, status, bodies.delivery_status(address, self._mark(mark), status)

    def _camara(self, kind: str, number: int, due: float) -> tuple[int, str, str, Body]:
        event_type = self._random.choice(TYPES[kind])
        mark, subscription = number, self._random.choice(self._subscriptions)
        shares = self._chance(self._scenario.trouble.shared_ids)
        if shares and self._last and self._last[1] != event_type:
            mark, _, subscription = self._last
            self._last = None
        else:
            self._last = number, event_type, subscription
        data = bodies.camara_data(event_type, *subscription)
        written = bodies.camara(event_type, self._when(due), self._mark(mark), data)
        # With the version: `roaming-status` alone is also in the name of the API.
        return mark, event_type.partition(".")[2], subscription[0], written

    def _with_faults(self, planned: Planned, number: int, written: Body) -> Planned:
        trouble, changes = self._scenario.trouble, dict[str, Any](number=number)
        if self._chance(trouble.malformed):
            changes |= {"hostile": "malformed", "body": bodies.malformed(self._random, written)}
        elif self._chance(trouble.oversized):
            changes |= {"hostile": "oversized", "body": bodies.oversized(written)}
        elif self._chance(trouble.strangers):
            changes["hostile"] = self._random.choice(("no token", "wrong token"))
        elif self._chance(trouble.slow):
            changes["conduct"] = "slow"
        elif self._chance(trouble.broken):
            changes["conduct"] = self._random.choice(("cut", "hang up"))
        if self._chance(trouble.reordered):
            changes["at"] = planned.due + self._random.uniform(0.05, 2.0)
        if "hostile" not in changes and self._chance(trouble.duplicates):
            changes["again"] = self._random.choice((0.0, self._random.uniform(0.0, 3.0)))
        return msgspec.structs.replace(planned, **changes)

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _when(self, at: float) -> datetime:
        return self._begun + timedelta(seconds=at)

    def _mark(self, number: int) -> str:
        return f"{self._run}{number:0{_MARK_DIGITS}x}"
