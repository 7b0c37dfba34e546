"""Sends the planned notifications when they are due, and reacts to responses as carriers do."""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable, Iterator

from msgspec import Struct

from receiver.simulate import rules
from receiver.simulate.http_client import CarrierClient
from receiver.simulate.plan import ENDED, Plan, Planned
from receiver.simulate.rules import Answer
from receiver.simulate.scenario import Scenario
from receiver.simulate.verdict import RunLedger

_WRITE_AHEAD = 0.5
"""Seconds before a notification is due at which its body is built."""
_LONGEST_SLEEP = 0.02
_ALL_ALIKE = 10
"""So many responses, all of them 401 or all of them 404, end the run."""


class Attempt(Struct, frozen=True, gc=False):
    """One attempt to deliver a notification, and when it is due."""

    planned: Planned
    due: float
    nth: int = 1
    extra: bool = False
    """Whether it is a repetition that no response caused."""


AttemptObserver = Callable[[Attempt, Answer, float], None]
"""Called for every attempt that has ended: attempt, outcome, time (seconds of the run)."""


class Gateway:
    """One run of a plan against one receiver."""

    def __init__(
        self,
        scenario: Scenario,
        plan: Plan,
        client: CarrierClient,
        ledger: RunLedger,
        observe: AttemptObserver,
    ) -> None:
        self._scenario = scenario
        self._plan = plan
        self._client = client
        self._ledger = ledger
        self._observe = observe
        self._due: list[tuple[float, int, Attempt]] = []
        self._order = itertools.count()
        self._connections = asyncio.Semaphore(scenario.connections)
        self._under_way: set[asyncio.Task[None]] = set()
        self._ended: set[str] = set()
        self._camara_waits = 0.0
        self.stopping = False
        """Whether no further attempt is started."""
        self.finished = False
        self._loop = asyncio.get_running_loop()
        self._begun = time.perf_counter()

    @property
    def now(self) -> float:
        """Return the seconds since the run began (the clock of the event loop has only ms)."""
        return time.perf_counter() - self._begun

    @property
    def waiting(self) -> int:
        """Return the attempts under way, or to be made again later."""
        return len(self._under_way) + len(self._due)

    def stop(self) -> None:
        """Start no further attempt: those under way are the last."""
        self.stopping = True

    async def run(self) -> None:
        """Send until every notification is acknowledged, refused for good or given up."""
        self._begun = time.perf_counter()
        ahead: Iterator[Planned] = iter(self._plan)
        following = next(ahead, None)
        while not self.stopping and (following or self._due or self._under_way):
            while following and following.due <= self.now + _WRITE_AHEAD:
                self._expect(following)
                following = next(ahead, None)
            self._send_what_is_due()
            all_sent = not following and not self._under_way
            if self._ledger.all_alike(1 if all_sent else _ALL_ALIKE):
                self.stop()
            await asyncio.sleep(self._until_next())
        await asyncio.gather(*self._under_way)
        self.finished = True
        self._client.close()

    def _expect(self, planned: Planned) -> None:
        self._schedule(Attempt(planned, planned.at))
        if planned.again is not None:
            self._schedule(Attempt(planned, planned.at + planned.again, extra=True))

    def _schedule(self, attempt: Attempt) -> None:
        heapq.heappush(self._due, (attempt.due, next(self._order), attempt))

    def _send_what_is_due(self) -> None:
        while self._due and self._due[0][0] <= self.now:
            task = self._loop.create_task(self._deliver(heapq.heappop(self._due)[2]))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    def _until_next(self) -> float:
        if not self._due:
            return _LONGEST_SLEEP
        return min(_LONGEST_SLEEP, max(0.0, self._due[0][0] - self.now))

    async def _deliver(self, attempt: Attempt) -> None:
        async with self._connections:
            if self._hold_back(attempt):
                return
            planned = attempt.planned
            self._ledger.send(planned, self.now)
            answer = await self._client.post(planned, plainly=attempt.nth > 1 or attempt.extra)
            now = self.now
        self._ledger.answer(planned, answer, attempt.due, now)
        self._observe(attempt, answer, now)
        if rules.ends_subscription(planned, answer):
            self._end(planned.subscription, answer)
        if planned.subscription and answer.status == 429:
            # CloudEvents web hooks 2.2: no further requests to this target until then.
            self._camara_waits = max(self._camara_waits, now + (answer.retry_after or 0))
        if not attempt.extra:
            self._try_again(attempt, answer)

    def _hold_back(self, attempt: Attempt) -> bool:
        planned = attempt.planned
        if planned.subscription in self._ended and planned.word != ENDED:
            self._ledger.withheld += attempt.nth == 1 and not attempt.extra
            return True
        if planned.subscription and self.now < self._camara_waits:
            held = Attempt(planned, self._camara_waits, attempt.nth, attempt.extra)
            self._schedule(held)
            return True
        return False

    def _try_again(self, attempt: Attempt, answer: Answer) -> None:
        planned, nth = attempt.planned, attempt.nth
        pause = rules.pause(planned, nth, answer, self._scenario)
        if pause is not None:
            self._schedule(Attempt(planned, self.now + pause, nth + 1))
        elif not planned.hostile and not self._ledger.is_acknowledged(planned):
            self._ledger.given_up += 1

    def _end(self, subscription: str, answer: Answer) -> None:
        if subscription in self._ended:
            return
        self._ended.add(subscription)
        self._ledger.subscriptions_ended += 1
        if answer.status == 401:  # `subscription-ended` follows (event guide 2.2.3)
            last = self._plan.ended(subscription, len(self._ended), self.now)
            self._schedule(Attempt(last, self.now))
