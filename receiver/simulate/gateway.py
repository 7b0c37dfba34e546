"""The gateway: sends the planned notifications when they are due, and reacts to the responses as
the carrier would.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable, Iterator

from msgspec import Struct

from receiver.simulate import rules
from receiver.simulate.http_client import Wire
from receiver.simulate.plan import ENDED, Plan, Planned
from receiver.simulate.rules import Answer
from receiver.simulate.scenario import Scenario
from receiver.simulate.verdict import RunLedger

_AHEAD = 0.5
"""Seconds by which bodies are written before they are due."""
_NAP = 0.02
_NOWHERE = 10
"""Answers of nothing but 404 after which the others would be 404 too."""


class Attempt(Struct, frozen=True, gc=False):
    """One attempt to deliver a notification, and when it is due."""

    planned: Planned
    due: float
    nth: int = 1
    extra: bool = False
    """The carrier's own repetition, which no answer asked for."""


Witness = Callable[[Attempt, Answer, float], None]
"""Is told of every attempt that ended: the attempt, the answer, when."""


class Gateway:
    """One run of a plan against one receiver."""

    def __init__(
        self, scenario: Scenario, plan: Plan, wire: Wire, account: RunLedger, witness: Witness
    ) -> None:
        self._scenario = scenario
        self._plan = plan
        self._wire = wire
        self._account = account
        self._witness = witness
        self._due: list[tuple[float, int, Attempt]] = []
        self._order = itertools.count()
        self._busy = asyncio.Semaphore(scenario.connections)
        self._flying: set[asyncio.Task[None]] = set()
        self._ended: set[str] = set()
        self._camara_waits = 0.0
        self._stopping = False
        self.finished = False
        self._loop = asyncio.get_running_loop()
        self._begun = time.perf_counter()

    @property
    def now(self) -> float:
        """Return the seconds since the run began; the event loop's own clock has only
        milliseconds.
        """
        return time.perf_counter() - self._begun

    @property
    def waiting(self) -> int:
        """Return the attempts under way, or to be made again later."""
        return len(self._flying) + len(self._due)

    def stop(self) -> None:
        """Start no further attempt: those under way are the last."""
        self._stopping = True

    async def run(self) -> None:
        """Send until every notification is acknowledged, refused for good or given up."""
        self._begun = time.perf_counter()
        ahead: Iterator[Planned] = iter(self._plan)
        following = next(ahead, None)
        while not self._stopping and (following or self._due or self._flying):
            while following and following.due <= self.now + _AHEAD:
                self._expect(following)
                following = next(ahead, None)
            self._send_what_is_due()
            all_sent = not following and not self._flying
            if self._account.nowhere(1 if all_sent else _NOWHERE):
                self.stop()
            await asyncio.sleep(self._until_next())
        await asyncio.gather(*self._flying)
        self.finished = True
        self._wire.close()

    def _expect(self, planned: Planned) -> None:
        self._later(Attempt(planned, planned.at))
        if planned.again is not None:
            self._later(Attempt(planned, planned.at + planned.again, extra=True))

    def _later(self, attempt: Attempt) -> None:
        heapq.heappush(self._due, (attempt.due, next(self._order), attempt))

    def _send_what_is_due(self) -> None:
        while self._due and self._due[0][0] <= self.now:
            task = self._loop.create_task(self._deliver(heapq.heappop(self._due)[2]))
            self._flying.add(task)
            task.add_done_callback(self._flying.discard)

    def _until_next(self) -> float:
        return min(_NAP, max(0.0, self._due[0][0] - self.now)) if self._due else _NAP

    async def _deliver(self, attempt: Attempt) -> None:
        async with self._busy:
            if self._is_held_back(attempt):
                return
            planned = attempt.planned
            self._account.send(planned, self.now)
            answer = await self._wire.post(planned, plainly=attempt.nth > 1 or attempt.extra)
            now = self.now
        self._account.answer(planned, answer, attempt.due, now)
        self._witness(attempt, answer, now)
        if rules.ends_subscription(planned, answer):
            self._end(planned.subscription, answer)
        if planned.subscription and answer.status == 429:
            # CloudEvents web hooks 2.2: no further requests to this target until then.
            self._camara_waits = max(self._camara_waits, now + (answer.retry_after or 0))
        if not attempt.extra:
            self._try_again(attempt, answer)

    def _is_held_back(self, attempt: Attempt) -> bool:
        planned = attempt.planned
        if planned.subscription in self._ended and planned.word != ENDED:
            self._account.withheld += attempt.nth == 1 and not attempt.extra
            return True
        if planned.subscription and self.now < self._camara_waits:
            held = Attempt(planned, self._camara_waits, attempt.nth, attempt.extra)
            self._later(held)
            return True
        return False

    def _try_again(self, attempt: Attempt, answer: Answer) -> None:
        planned, nth = attempt.planned, attempt.nth
        pause = rules.pause(planned, nth, answer, self._scenario)
        if pause is not None:
            self._later(Attempt(planned, self.now + pause, nth + 1))
        elif not planned.hostile and not self._account.is_acknowledged(planned):
            self._account.given_up += 1

    def _end(self, subscription: str, answer: Answer) -> None:
        if subscription in self._ended:
            return
        self._ended.add(subscription)
        self._account.subscriptions_ended += 1
        if rules.tells_of_the_end(answer):
            self._later(
                Attempt(self._plan.ended(subscription, len(self._ended), self.now), self.now)
            )
