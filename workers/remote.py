"""The forward job of a sink elsewhere: asks, several requests at a time, at least once."""

import itertools
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Final

import structlog

from workers.deliveries import Outcome
from workers.delivery import Answer, Item, Remote
from workers.forward import Shift
from workers.settlement import Settlement

log = structlog.get_logger()

REQUEST_BYTES: Final = 1_000_000
STOP_WITHIN: Final = 15.0
"""Seconds that requests under way get when a stop is asked for; their events are sent again."""


class RemoteJob:
    """Takes, sends what it took on threads, and settles what has been answered."""

    def __init__(self, remote: Remote, shift: Shift) -> None:
        self._remote = remote
        self._shift = shift
        self._deliveries = shift.deliveries
        self._settlement = Settlement(shift.sink, shift.deliveries.now)
        self._threads = ThreadPoolExecutor(remote.concurrency, "sink")
        self._under_way: dict[Future[Answer], list[Item]] = {}
        # As many waiting as are under way, so that no thread waits for Redis.
        self._window = 2 * remote.concurrency

    def run(self) -> None:
        """Work until nothing is left, the time is up or a stop is asked for."""
        if not self._under_way:
            self._deliveries.recover()
        self._shift.work(self._step, self._end)

    def _step(self) -> bool:
        began = self._begin()
        if self._under_way:
            self._finish(None if began else 0.1)
            return True
        return began or not self._shift.idle()

    def _begin(self) -> bool:
        """Fill the window. Returns whether anything was found."""
        room = self._window - len(self._under_way)
        if room < self._window // 2:
            return True
        items = self._deliveries.take(room * self._remote.at_once)
        wanted, settled = self._settlement.sort(items)
        if self._deliveries.held:
            settled += map(self._settlement.given_up, wanted)
            wanted = []
        if settled:
            self._deliveries.settle(settled)
        for some in _grouped(wanted, self._remote.at_once):
            self._under_way[self._threads.submit(self._remote.send, some)] = some
        return bool(items)

    def _finish(self, seconds: float | None) -> None:
        """Settle what has been answered, as soon as anything has."""
        done, _ = wait(self._under_way, seconds, FIRST_COMPLETED)
        outcomes: list[Outcome] = []
        answers = {future: _answer(future) for future in done}
        for future, answer in answers.items():
            outcomes += self._settlement.answered(self._under_way[future], answer)
        if outcomes:
            self._deliveries.settle(outcomes)
        for future, answer in answers.items():
            items = self._under_way.pop(future)
            if answer.what == "taken":
                self._deliveries.tell(items)

    def _end(self) -> None:
        """What is under way comes to its end; at a stop, what has not begun goes back."""
        latest = time.monotonic() + 3 * self._remote.seconds + 1
        while self._under_way and time.monotonic() < latest:
            if self._shift.stopping():
                latest = min(latest, time.monotonic() + STOP_WITHIN)
                self._give_back()
            self._finish(0.1)

    def _give_back(self) -> None:
        """New ones are still open in the group; of retries the lease is ended."""
        back = [future for future in self._under_way if future.cancel()]
        items = itertools.chain.from_iterable(self._under_way.pop(future) for future in back)
        retries = [self._settlement.given_back(item) for item in items if item.retry]
        if retries:
            self._deliveries.settle(retries)


def _answer(future: "Future[Answer]") -> Answer:
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001 - a fault of ours may not hold back the others
        log.error("sink.fault", error=type(error).__name__)
        return Answer("failed", f"sending failed: {type(error).__name__}")


def _grouped(items: Sequence[Item], at_once: int) -> list[list[Item]]:
    """The requests: full ones, but of no more bytes than a consumer may be expected to take."""
    groups: list[list[Item]] = [[item] for item in items if item.delivery.alone]
    some: list[Item] = []
    size = 0
    for item in items:
        if item.delivery.alone:
            continue
        size += len(item.delivery.event)
        if some and (len(some) == at_once or size > REQUEST_BYTES):
            groups.append(some)
            some, size = [], len(item.delivery.event)
        some.append(item)
    return [*groups, some] if some else groups
