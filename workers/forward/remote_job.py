"""The forward job of a remote sink: concurrent requests, delivered at least once."""

import itertools
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

import structlog
from rq.timeouts import BaseTimeoutException

from receiver.contract.entry_ids import order
from workers.forward.decide import Decider
from workers.forward.delivery_queue import ABANDONED_SECONDS
from workers.forward.outcomes import Outcome
from workers.forward.run_loop import RunLoop
from workers.sinks.sink import NOT_AN_EVENT, Answer, Item, RemoteSink

log = structlog.get_logger()

REQUEST_BYTES: Final = 1_000_000
STOP_WITHIN: Final = 15.0
"""Seconds that requests under way get when a stop is asked for; their events are sent again."""
TOGETHER: Final = 0.02
"""Seconds in which answers are settled together, while there is more to ask."""
WAIT: Final = 0.1
"""Seconds to wait for the first answer."""
ROUNDS_LEASED: Final = 32
"""Times `concurrency` that are leased at most, and so settled together, while answers come fast."""


class RemoteJob:
    """Lease deliveries, keep up to `concurrency` requests in flight, settle the answered."""

    def __init__(self, sink: RemoteSink, loop: RunLoop) -> None:
        self._sink = sink
        self._loop = loop
        self._deliveries = loop.deliveries
        self._decider = Decider(
            loop.sink, self._deliveries.earlier_time, self._deliveries.later_time
        )
        self._waiting: deque[list[Item]] = deque()
        self._under_way = 0
        self._answered: list[tuple[list[Item], Answer]] = []
        # As many waiting as are under way, so that an answer's place is taken at once.
        self._window = self._least = 2 * sink.concurrency
        self._send_within = ABANDONED_SECONDS + 2 * sink.seconds  # of a lease, which lasts longer

    def run(self) -> None:
        """Work until nothing is left, the time is up or a stop is asked for."""
        if not (self._waiting or self._under_way or self._answered):
            self._deliveries.recover()
        self._loop.run(self._step, self._end)

    def _step(self) -> bool:
        self._settle_answered()  # where Redis did not take it before: else nothing new goes out
        found = self._lease()
        if self._waiting or self._under_way or self._answered:
            self._exchange()
            return True
        return found or not self._loop.idle()

    def _lease(self) -> bool:
        """Lease deliveries until the window is full. Returns whether there were any."""
        if not self._deliveries.has_leased_ahead:
            if not self._room():
                return True
            if self._deliveries.pace.left() > 0:
                if not (self._waiting or self._under_way or self._answered):
                    self._loop.give_way()
                return True
        items = self._deliveries.lease(self._room())
        self._take(items)
        return bool(items)

    def _room(self) -> int:
        """Return how many deliveries to lease: none while the window is more than half full."""
        room = self._window - self._under_way - len(self._waiting)
        return room * self._sink.batch_size if room >= self._window // 2 else 0

    def _take(self, items: list[Item]) -> None:
        """Have leased items wait for their requests, and settle those not to be sent."""
        wanted, settled = self._decider.select(items)
        if self._deliveries.held:
            settled += map(self._decider.given_up, wanted)
            wanted = []
        if settled:
            self._deliveries.settle(settled)
        in_order = _arranged(wanted, self._sink.batch_size)
        self._waiting.extend(_grouped(in_order, self._sink.batch_size))

    def _exchange(self, *, ends: bool = False) -> None:
        """Send the requests that may be sent, and settle those answered, soon after an answer; the
        next deliveries are leased with that unless the job `ends`.
        """
        self._send()
        if not self._answered:
            self._receive(WAIT)
        until = time.monotonic() + TOGETHER
        while self._waiting and not self._troubled() and (left := until - time.monotonic()) > 0:
            self._send()
            self._receive(left)
        self._adapt(self._answered)
        paused = ends or self._deliveries.pace.left() > 0
        self._settle_answered(0 if paused else self._room())
        self._deliveries.attempts.write(soon=True)

    def _settle_answered(self, then_lease: int = 0) -> None:
        """Settle what is answered, and lease so many with that. Raises `redis.RedisError`; then it
        is kept.
        """
        outcomes: list[Outcome] = []
        for items, answer in self._answered:
            outcomes += self._decider.answered(items, answer)
        if outcomes and self._deliveries.settle(outcomes, then_lease):
            self._give_back()
        done, self._answered = self._answered, []
        taken = [item for items, answer in done if answer.what == "taken" for item in items]
        if taken:
            self._deliveries.log_delivered(taken)

    def _troubled(self) -> bool:
        """Return whether so many answers, not all of them good, are to be settled before more is
        sent: the circuit might open.
        """
        enough = len(self._answered) >= self._sink.concurrency
        return enough and any(answer.what != "taken" for _, answer in self._answered)

    def _adapt(self, done: list[tuple[list[Item], Answer]]) -> None:
        """Lease as many at once as are taken in `TOGETHER`: each lease and each settlement is a
        script and an fsync.
        """
        if any(answer.what != "taken" for _, answer in done):
            self._window = self._least
        elif len(done) >= self._window // 2:
            self._window = min(2 * self._window, ROUNDS_LEASED * self._sink.concurrency)
        elif len(done) < self._window // 8:
            self._window = max(self._window // 2, self._least)

    def _receive(self, seconds: float) -> None:
        answers = self._sink.answers(seconds)
        # A request that RQ's alarm struck after it was sent is not under way by our count.
        self._under_way = max(0, self._under_way - len(answers))
        self._answered += answers
        now = time.monotonic()
        for items, answer in answers:
            self._loop.spans.end_request(items, answer)
            took = int(1000 * (now - items[0].sent))
            self._deliveries.attempts.note(items, answer, took)

    def _send(self) -> None:
        while self._waiting and self._under_way < self._sink.concurrency:
            now = time.monotonic()
            if now - self._waiting[0][0].leased > self._send_within:
                self._give_back()  # the lease could end before the answer, and another one send it
                return
            items = self._waiting.popleft()
            try:
                self._loop.spans.begin_request(items)
                items[0].sent = now
                self._sink.send(items)
                self._under_way += 1
            except BaseTimeoutException:
                raise  # wherever it happened to strike: no fault of these
            except NOT_AN_EVENT:
                self._answered.append((items, Answer("unsent", "not an event")))
            except Exception as error:  # noqa: BLE001 - a fault of ours may not hold back the others
                log.error("sink.fault", error=type(error).__name__)
                failed = Answer("failed", f"sending failed: {type(error).__name__}")
                self._answered.append((items, failed))

    def _end(self) -> None:
        """Wait for the requests in flight; at a stop, give back those not sent yet."""
        self._settle_answered()
        self._take(self._deliveries.leased_ahead())
        latest = time.monotonic() + 3 * self._sink.seconds + 1
        while (self._waiting or self._under_way) and time.monotonic() < latest:
            if self._loop.stopping():
                latest = min(latest, time.monotonic() + STOP_WITHIN)
                self._give_back()
            self._exchange(ends=True)

    def _give_back(self) -> None:
        """Give back unsent items, at a stop or when the circuit has opened: new ones are still
        open in the group, retries lose the lease. A new one that another worker may have by now is
        not ours to speak of.
        """
        items = itertools.chain.from_iterable(self._waiting)
        since = time.monotonic() - self._send_within
        ours = (item for item in items if item.retry or item.leased >= since)
        back = [self._decider.given_back(item) for item in ours]
        if back:
            self._deliveries.settle(back)
        self._waiting.clear()


def _arranged(items: list[Item], batch_size: int) -> list[Item]:
    """Return items in the order in which to send them: for batches that in which they came out,
    else new events and retries by turns, so that not all that fail again stand in a row.
    """
    retries = [one for one in items if one.retry]
    if not retries:
        return items
    if batch_size > 1:
        return sorted(items, key=lambda one: order(one.delivery.entry))
    pairs = itertools.zip_longest((one for one in items if not one.retry), retries)
    return [one for one in itertools.chain.from_iterable(pairs) if one]


def _grouped(items: Sequence[Item], batch_size: int) -> list[list[Item]]:
    """Group items into requests: full ones, but of no more bytes than `REQUEST_BYTES`."""
    groups: list[list[Item]] = [[item] for item in items if item.delivery.alone]
    some: list[Item] = []
    size = 0
    for item in items:
        if item.delivery.alone:
            continue
        size += len(item.delivery.event)
        if some and (len(some) == batch_size or size > REQUEST_BYTES):
            groups.append(some)
            some, size = [], len(item.delivery.event)
        some.append(item)
    return [*groups, some] if some else groups
