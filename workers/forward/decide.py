"""Deciding the outcomes of one sink's deliveries. Nothing here uses Redis."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec
import structlog

from receiver.config.settings import SinkSettings
from receiver.contract.records import DeadLetter, Delivery
from workers import outcome_log
from workers.forward import backoff, outcomes
from workers.forward.outcomes import Circuit, Outcome
from workers.sinks.sink import NOT_AN_EVENT, Answer, Item

log = structlog.get_logger()

RECEIPTS_LOGGED: Final = 20
"""Receipt ids in one log line about a request that was not accepted."""

_event = msgspec.json.Decoder(dict[str, Any]).decode


class Decider:
    """Decide outcomes for one sink: what it filters out, what an answer means, when to give up."""

    def __init__(
        self,
        sink: SinkSettings,
        earlier_time: Callable[[], int],
        later_time: Callable[[], int],
    ) -> None:
        self._sink = sink
        self._earlier_time = earlier_time
        self._later_time = later_time

    def select(self, items: Sequence[Item]) -> tuple[list[Item], list[Outcome]]:
        """Return the deliveries to send, and the outcomes of those not to be sent."""
        wanted: list[Item] = []
        settled: list[Outcome] = []
        for item in items:
            if outcome := self._without_attempt(item):
                settled.append(outcome)
            else:
                wanted.append(item)
        return wanted, settled

    def answered(self, items: list[Item], answer: Answer) -> list[Outcome]:
        """Return the outcome of each delivery in a request that got this answer."""
        if answer.what == "taken":
            return [outcomes.delivered(item, mark) for item, mark in _marked(items, "+")]
        self._log_answer(items, answer)
        if answer.what == "gone":
            stop = outcomes.stop(answer.reason)
            return [stop, *(self._again(item, _because(item, answer)) for item in items)]
        if answer.what == "failed":
            return self._failed(items, answer)
        if len(items) > 1:  # which of them it is about shows when each goes alone
            return [self._again(item, _because(item, answer, alone=True)) for item in items]
        if answer.what == "unsent":
            return [outcomes.unsent(items[0], self._letter(items[0], answer.reason))]
        return [self._retry(_attempted(items[0], self._later_time()), answer, "-")]

    def given_up(self, item: Item) -> Outcome:
        """Return the dead letter of a delivery that could never be sent in the sink's time."""
        why = "given up: nothing could be sent all the time it waited"
        return outcomes.unsent(item, self._letter(item, why))

    def not_an_event(self, item: Item) -> Outcome:
        """Return the dead letter of an entry that is not an event of ours, or was deleted."""
        why = "not an event" if item.delivery.event else "deleted from the stream"
        return outcomes.unsent(item, self._letter(item, why))

    def given_back(self, item: Item) -> Outcome:
        """Return the outcome of a delivery that was not sent: of a retry that ends the lease, a new
        event stays open in the group.
        """
        return self._again(item, item.delivery) if item.retry else outcomes.left(item)

    def _without_attempt(self, item: Item) -> Outcome | None:
        """Return the outcome of a delivery that is not to be sent; None if it is."""
        try:
            if item.id and not self._sink.filtered:
                return None
            wanted = self._sink.wants(_event(item.delivery.event))
        except NOT_AN_EVENT:
            return self.not_an_event(item)
        return None if wanted else outcomes.filtered(item)

    def _log_answer(self, items: list[Item], answer: Answer) -> None:
        receipts = outcome_log.receipts(item.delivery.event for item in items[:RECEIPTS_LOGGED])
        log.info(
            "sink.answer",
            sink=self._sink.name,
            what=answer.what,
            reason=answer.reason,
            receipts=list(receipts),
        )

    def _again(self, item: Item, delivery: Delivery) -> Outcome:
        """Return the outcome that sends it again without counting a failed attempt."""
        first = delivery.first or self._later_time()
        return outcomes.again(item, msgspec.structs.replace(delivery, first=first))

    def _failed(self, items: list[Item], answer: Answer) -> list[Outcome]:
        now = self._later_time()
        found = [
            self._retry(_attempted(item, now), answer, mark)
            for item, mark in _marked(items, _failure(items))
        ]
        if answer.pause:
            found.append(outcomes.pause(int(1000 * answer.pause)))
        return found

    def _retry(self, item: Item, answer: Answer, circuit: Circuit) -> Outcome:
        one = item.delivery
        left = one.first + int(self._sink.give_up_hours * 3_600_000) - self._earlier_time()
        if left <= 0:
            return outcomes.dead(item, self._letter(item, f"given up: {answer.reason}"), circuit)
        wait = int(1000 * max(backoff.wait(one.attempts), answer.pause))
        again = msgspec.structs.replace(one, reason=answer.reason)
        if answer.what == "refused":
            letter = self._letter(item, answer.reason)
            return outcomes.refused(item, min(wait, left), again, letter)
        return outcomes.retry(item, min(wait, left), again, circuit)

    def _letter(self, item: Item, reason: str) -> DeadLetter:
        one = item.delivery
        return DeadLetter(
            self._earlier_time(), reason, b"", self._sink.name, one.event, one.attempts, one.entry
        )


def _attempted(item: Item, now: int) -> Item:
    """Return the item with one more attempt counted."""
    one = item.delivery
    one = msgspec.structs.replace(one, attempts=one.attempts + 1, first=one.first or now)
    return Item(one, retry=item.retry)


def _because(item: Item, answer: Answer, *, alone: bool = False) -> Delivery:
    """Return the delivery with the reason of the answer; `alone`: in no request with others."""
    return msgspec.structs.replace(item.delivery, reason=answer.reason, alone=alone)


def _failure(items: list[Item]) -> Circuit:
    """Return what a failed request tells the circuit breaker."""
    before = all(item.delivery.attempts for item in items)
    return f"-{max(item.delivery.first for item in items)}" if before else "-"


def _marked(items: list[Item], circuit: Circuit) -> Iterator[tuple[Item, Circuit]]:
    """Yield each item with what the request tells the circuit breaker: once, with the first."""
    for number, item in enumerate(items):
        yield item, "" if number else circuit
