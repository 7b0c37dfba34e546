"""The forward job of a sink on our own Redis: delivered and acknowledged in one script, once."""

from collections.abc import Iterator, Sequence
from typing import Final

import structlog
from redis.exceptions import ResponseError

from receiver.runtime.logs import Seldom
from workers.forward import outcomes
from workers.forward.decide import Decider
from workers.forward.outcomes import Outcome
from workers.forward.run_loop import RunLoop
from workers.sinks.sink import NOT_AN_EVENT, Item, TransactionalSink

_seldom = Seldom(structlog.get_logger())

BATCH: Final = 500


class TransactionalJob:
    """Lease deliveries, and run the sink's commands in the script that settles them."""

    def __init__(self, sink: TransactionalSink, loop: RunLoop) -> None:
        self._sink = sink
        self._loop = loop
        self._deliveries = loop.deliveries
        self._decider = Decider(
            loop.sink, self._deliveries.earlier_time, self._deliveries.later_time
        )

    def run(self) -> None:
        """Work until nothing is left, the time is up or a stop is asked for."""
        self._deliveries.recover()
        self._loop.run(self._step, self._end)

    def _step(self) -> bool:
        if not self._deliveries.has_leased_ahead:
            if self._sink.reader_lags():
                return False
            if self._deliveries.pace.left() > 0:
                self._loop.give_way()
                return True
        self._loop.spans.begin_batch()
        items = self._deliveries.lease(BATCH)
        self._say(self._deliveries.blocked)
        if not items and self._loop.idle():
            return False
        waits = self._deliveries.pace.left() > 0 or self._sink.reader_lags()
        return self._deliver(items, 0 if waits else BATCH)

    def _end(self) -> None:
        """Deliver what has been leased ahead."""
        self._deliver(self._deliveries.leased_ahead(), 0)

    def _deliver(self, items: Sequence[Item], then_lease: int) -> bool:
        """Settle items by the sink's commands, and lease the next. Returns whether the keys that
        they write to are as the sink needs them.
        """
        if not items:
            return True
        wanted, settled = self._decider.select(items)
        if self._deliveries.held:
            settled += map(self._decider.given_up, wanted)
            wanted = []
        try:
            self._deliveries.settle([*settled, *self._runs(wanted)], then_lease)
        except ResponseError as error:
            if not str(error).startswith("WRONGTYPE"):
                raise
            self._say(str(error))
            return False
        self._deliveries.log_delivered(wanted)
        self._loop.spans.end_batch(wanted)
        return True

    def _say(self, blocked: str) -> None:
        if blocked:
            _seldom.say("error", "sink.blocked", sink=self._loop.sink.name, error=blocked)

    def _runs(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Yield the outcome of each; the first that is an event has the sink's opening too."""
        opening = self._sink.opening
        for item in items:
            try:
                commands = self._sink.commands(item)
            except NOT_AN_EVENT:
                yield self._decider.not_an_event(item)
            else:
                yield outcomes.run(item, [*opening, *commands])
                opening = ()
