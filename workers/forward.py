"""The job behind each sink: take what is due and what is new, deliver it, say what became of it."""

import itertools
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, Final

import msgspec
import structlog
from redis.exceptions import ResponseError

from receiver.notification import DeadLetter, Delivery, encode
from receiver.settings import SinkSettings
from workers import backoff, tell
from workers.deliveries import Deliveries, Outcome
from workers.delivery import Answer, Item, Local, Remote

log = structlog.get_logger()

WORK_SECONDS: Final = 10.0
"""After this long a job ends and rings, so that RQ sees a living worker."""
LINGER_MILLISECONDS: Final = 200
"""How long a job waits for more before it ends."""
LOCAL_BATCH: Final = 500
REQUEST_BYTES: Final = 1_000_000
RECEIPTS_SAID: Final = 20
"""Receipt ids in one line about a request that was not taken."""
STOP_WITHIN: Final = 15.0
"""Seconds that requests under way get when a stop is asked for; their events are sent again."""

_event = msgspec.json.Decoder(dict[str, Any]).decode


class _Job:
    """What both kinds of job share: the loop's time, the filter, the bell at its end."""

    def __init__(
        self,
        sink: SinkSettings,
        deliveries: Deliveries,
        ring: Callable[[], None],
        stopping: Callable[[], bool],
    ) -> None:
        self._sink = sink
        self._deliveries = deliveries
        self._ring = ring
        self._stopping = stopping

    def run(self) -> None:
        """Work until nothing is left, the time is up or a stop is asked for."""
        try:
            self._work()
        finally:
            self._deliveries.write()

    def _work(self) -> None:
        raise NotImplementedError

    def _goes_on(self, until: float) -> bool:
        return not self._stopping() and time.monotonic() < until

    def _idle(self) -> bool:
        """Whether nothing came for a while, or nothing may be sent: the sweep rings again."""
        return self._deliveries.held or not self._deliveries.more_within(LINGER_MILLISECONDS)

    def _sorted(self, items: Sequence[Item]) -> tuple[list[Item], list[Outcome]]:
        """What is to be sent, and the outcomes of what is not."""
        wanted: list[Item] = []
        settled: list[Outcome] = []
        for item in items:
            outcome = self._unsent(item)
            if outcome:
                settled.append(outcome)
            else:
                wanted.append(item)
        return wanted, settled

    def _unsent(self, item: Item) -> Outcome | None:
        try:
            if item.id and not self._sink.filtered:
                return None
            wanted = self._sink.wants(_event(item.delivery.event))
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError, RecursionError):
            why = "not an event" if item.delivery.event else "deleted from the stream"
            return self._dead(item, why, what="unsent")
        return None if wanted else (*_name(item), "", "filtered")

    def _dead(self, item: Item, reason: str, says: str = "", what: str = "dead") -> Outcome:
        one = item.delivery
        receipts = list(tell.receipts([one.event]))
        log.warning("delivery.dead", sink=self._sink.name, receipts=receipts, reason=reason)
        letter = DeadLetter(
            self._deliveries.now(), reason, b"", self._sink.name, one.event, one.attempts, one.entry
        )
        return (*_name(item), says, what, encode(letter))


class LocalJob(_Job):
    """Delivers on our own Redis, in the script that acknowledges: exactly once."""

    def __init__(self, local: Local, *rest: Any) -> None:
        super().__init__(*rest)
        self._local = local

    def _work(self) -> None:
        until = time.monotonic() + WORK_SECONDS
        self._deliveries.recover()
        while self._goes_on(until):
            if self._local.behind():
                return
            items = self._deliveries.take(LOCAL_BATCH)
            if not items and self._idle():
                return
            wanted, settled = self._sorted(items)
            try:
                self._deliveries.settle([*settled, *map(self._run, wanted)])
                self._deliveries.tell(wanted)
            except ResponseError as error:
                if not str(error).startswith("WRONGTYPE"):
                    raise
                log.error("sink.blocked", sink=self._sink.name, error=str(error))
                return
        self._ring()

    def _run(self, item: Item) -> Outcome:
        commands = self._local.commands(item)
        words = itertools.chain.from_iterable((len(each), *each) for each in commands)
        return (*_name(item), "", "run", len(commands), *words)


class RemoteJob(_Job):
    """Asks a consumer elsewhere, several requests at a time: at least once."""

    def __init__(self, remote: Remote, *rest: Any) -> None:
        super().__init__(*rest)
        self._remote = remote
        self._threads = ThreadPoolExecutor(remote.concurrency, "sink")
        self._under_way: dict[Future[Answer], list[Item]] = {}
        # As many waiting as are under way, so that no thread waits for Redis.
        self._window = 2 * remote.concurrency

    def _work(self) -> None:
        until = time.monotonic() + WORK_SECONDS
        if not self._under_way:
            self._deliveries.recover()
        while self._goes_on(until):
            began = self._begin()
            if self._under_way:
                self._finish(None if began else 0.1)
            elif not began and self._idle():
                return
        self._end()
        self._ring()

    def _begin(self) -> bool:
        """Fill the window. Returns whether anything was found."""
        room = self._window - len(self._under_way)
        if room < self._window // 2:
            return True
        items = self._deliveries.take(room * self._remote.at_once)
        wanted, settled = self._sorted(items)
        if self._deliveries.held:
            why = "given up: nothing could be sent all the time it waited"
            settled += [self._dead(item, why, what="unsent") for item in wanted]
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
            outcomes += self._outcomes(self._under_way[future], answer)
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
            if self._stopping():
                latest = min(latest, time.monotonic() + STOP_WITHIN)
                self._give_back()
            self._finish(0.1)

    def _give_back(self) -> None:
        """New ones are still open in the group; of retries the lease is ended."""
        back = [future for future in self._under_way if future.cancel()]
        items = itertools.chain.from_iterable(self._under_way.pop(future) for future in back)
        retries = [item for item in items if item.retry]
        if retries:
            self._deliveries.settle([self._again(item, item.delivery) for item in retries])

    def _outcomes(self, items: list[Item], answer: Answer) -> list[Outcome]:
        says = "-" if answer.what == "failed" else "+"
        if answer.what == "taken":
            return [(*_name(item), mark, "delivered") for item, mark in _marked(items, says)]
        receipts = list(tell.receipts(item.delivery.event for item in items[:RECEIPTS_SAID]))
        log.info(
            "sink.answer",
            sink=self._sink.name,
            what=answer.what,
            reason=answer.reason,
            receipts=receipts,
        )
        if answer.what == "gone":
            stop = ("", "", "", "stop", answer.reason)
            return [stop, *(self._again(item, _why(item, answer), says) for item in items)]
        if answer.what == "refused" and len(items) > 1:
            return [
                self._again(item, _why(item, answer, alone=True), mark)
                for item, mark in _marked(items, says)
            ]
        if answer.what == "refused":
            return [self._dead(_tried(items[0], 0), answer.reason, says)]
        return self._failed(items, answer)

    def _again(self, item: Item, delivery: Delivery, says: str = "") -> Outcome:
        """It is to be sent once more, and no attempt of its own has failed."""
        now = self._deliveries.now()
        delivery = msgspec.structs.replace(delivery, first=delivery.first or now)
        return (*_name(item), says, "again", now, encode(delivery))

    def _failed(self, items: list[Item], answer: Answer) -> list[Outcome]:
        now = self._deliveries.now()
        outcomes = [
            self._retry(_tried(item, now), answer, mark) for item, mark in _marked(items, "-")
        ]
        if answer.pause:
            outcomes.append(("", "", "", "pause", now + int(1000 * answer.pause)))
        return outcomes

    def _retry(self, item: Item, answer: Answer, says: str) -> Outcome:
        now, one = self._deliveries.now(), item.delivery
        last = one.first + int(self._sink.give_up_hours * 3_600_000)
        if now >= last:
            return self._dead(item, f"given up: {answer.reason}", says)
        due = now + int(1000 * max(backoff.wait(one.attempts), answer.pause))
        again = msgspec.structs.replace(one, reason=answer.reason)
        return (*_name(item), says, "retry", min(due, last), encode(again))


def _answer(future: "Future[Answer]") -> Answer:
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001 - a fault of ours may not hold back the others
        log.error("sink.fault", error=type(error).__name__)
        return Answer("failed", f"sending failed: {type(error).__name__}")


def _name(item: Item) -> tuple[int, str]:
    return int(item.retry), item.delivery.entry


def _tried(item: Item, now: int) -> Item:
    """The same with one more attempt behind it."""
    one = item.delivery
    one = msgspec.structs.replace(one, attempts=one.attempts + 1, first=one.first or now)
    return Item(one, retry=item.retry)


def _why(item: Item, answer: Answer, *, alone: bool = False) -> Delivery:
    return msgspec.structs.replace(item.delivery, reason=answer.reason, alone=alone)


def _marked(items: list[Item], says: str) -> "zip[tuple[Item, str]]":
    """A request says something about the consumer once, however many events were in it."""
    return zip(items, itertools.chain((says,), itertools.repeat("")), strict=False)


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
