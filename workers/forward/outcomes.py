"""Deciding the outcomes of one sink's deliveries, as `settle.lua` takes them. No Redis in here."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import structlog

from receiver.config.settings import SinkSettings
from receiver.contract.records import DeadLetter, Delivery, encode
from workers import outcome_log
from workers.forward import backoff
from workers.forward.delivery_queue import Outcome
from workers.sinks.sink import NOT_AN_EVENT, Answer, Item

log = structlog.get_logger()

RECEIPTS_LOGGED: Final = 20
"""Receipt ids in one log line about a request that was not accepted."""

_event = msgspec.json.Decoder(dict[str, Any]).decode


def name(item: Item) -> tuple[int, str]:
    """Return what every outcome begins with: 1 for a retry, and the id of the stream entry."""
    return int(item.retry), item.delivery.entry


class Decider:
    """Decide outcomes for one sink: what it filters out, what an answer means, when to give up."""

    def __init__(
        self, sink: SinkSettings, earlier_time: Callable[[], int], later_time: Callable[[], int]
    ) -> None:
        self._sink = sink
        self._earlier_time = earlier_time
        self._later_time = later_time

    def select(self, items: Sequence[Item]) -> tuple[list[Item], list[Outcome]]:
        """Return the deliveries to send, and the outcomes of those not to be sent."""
        wanted: list[Item] = []
        settled: list[Outcome] = []
        for item in items:
            outcome = self._unsent(item)
            if outcome:
                settled.append(outcome)
            else:
                wanted.append(item)
        return wanted, settled

    def answered(self, items: list[Item], answer: Answer) -> list[Outcome]:
        """Return the outcome of each delivery in a request that got this answer."""
        says = "-" if answer.what == "failed" else "+"
        if answer.what == "taken":
            return [(*name(item), mark, "delivered") for item, mark in _marked(items, says)]
        receipts = list(
            outcome_log.receipts(item.delivery.event for item in items[:RECEIPTS_LOGGED])
        )
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

    def given_up(self, item: Item) -> Outcome:
        """Return the dead letter of a delivery that could never be sent in the sink's time."""
        why = "given up: nothing could be sent all the time it waited"
        return self._dead(item, why, what="unsent")

    def not_an_event(self, item: Item) -> Outcome:
        """Return the dead letter of an entry that is not an event of ours, or was deleted."""
        why = "not an event" if item.delivery.event else "deleted from the stream"
        return self._dead(item, why, what="unsent")

    def given_back(self, item: Item) -> Outcome:
        """Return the outcome that ends the lease of a delivery that was not sent."""
        return self._again(item, item.delivery)

    def _unsent(self, item: Item) -> Outcome | None:
        try:
            if item.id and not self._sink.filtered:
                return None
            wanted = self._sink.wants(_event(item.delivery.event))
        except NOT_AN_EVENT:
            return self.not_an_event(item)
        return None if wanted else (*name(item), "", "filtered")

    def _dead(self, item: Item, reason: str, says: str = "", what: str = "dead") -> Outcome:
        one = item.delivery
        letter = DeadLetter(
            self._earlier_time(), reason, b"", self._sink.name, one.event, one.attempts, one.entry
        )
        return (*name(item), says, what, encode(letter))

    def _again(self, item: Item, delivery: Delivery, says: str = "") -> Outcome:
        """Return the outcome that sends it again without counting a failed attempt."""
        delivery = msgspec.structs.replace(delivery, first=delivery.first or self._later_time())
        return (*name(item), says, "again", 0, encode(delivery))

    def _failed(self, items: list[Item], answer: Answer) -> list[Outcome]:
        now = self._later_time()
        outcomes = [
            self._retry(_tried(item, now), answer, mark) for item, mark in _marked(items, "-")
        ]
        if answer.pause:
            outcomes.append(("", "", "", "pause", int(1000 * answer.pause)))
        return outcomes

    def _retry(self, item: Item, answer: Answer, says: str) -> Outcome:
        one = item.delivery
        left = one.first + int(self._sink.give_up_hours * 3_600_000) - self._earlier_time()
        if left <= 0:
            return self._dead(item, f"given up: {answer.reason}", says)
        wait = int(1000 * max(backoff.wait(one.attempts), answer.pause))
        again = msgspec.structs.replace(one, reason=answer.reason)
        return (*name(item), says, "retry", min(wait, left), encode(again))


def _tried(item: Item, now: int) -> Item:
    """Return the item with one more attempt counted."""
    one = item.delivery
    one = msgspec.structs.replace(one, attempts=one.attempts + 1, first=one.first or now)
    return Item(one, retry=item.retry)


def _why(item: Item, answer: Answer, *, alone: bool = False) -> Delivery:
    return msgspec.structs.replace(item.delivery, reason=answer.reason, alone=alone)


def _marked(items: list[Item], says: str) -> "zip[tuple[Item, str]]":
    """Pair items with what the request says about the consumer: once, with the first item."""
    return zip(items, itertools.chain((says,), itertools.repeat("")), strict=False)
