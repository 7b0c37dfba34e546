"""The forward job of a sink on our own Redis: delivered and acknowledged in one script, once."""

import itertools
from typing import Final

import structlog
from redis.exceptions import ResponseError

from receiver.runtime.logs import Seldom
from workers.forward.delivery_queue import Outcome
from workers.forward.outcomes import Settlement, name
from workers.forward.run_loop import Shift
from workers.sinks.sink import NOT_OURS, Item, Local

_seldom = Seldom(structlog.get_logger())

BATCH: Final = 500


class LocalJob:
    """Lease deliveries, and run the sink's commands in the script that settles them."""

    def __init__(self, local: Local, shift: Shift) -> None:
        self._local = local
        self._shift = shift
        self._deliveries = shift.deliveries
        self._settlement = Settlement(shift.sink, self._deliveries.now, self._deliveries.begins)

    def run(self) -> None:
        """Work until nothing is left, the time is up or a stop is asked for."""
        self._deliveries.recover()
        self._shift.work(self._step)

    def _step(self) -> bool:
        if self._local.behind():
            return False
        items = self._deliveries.take(BATCH)
        if not items and self._shift.idle():
            return False
        wanted, settled = self._settlement.sort(items)
        try:
            self._deliveries.settle([*settled, *map(self._run, wanted)])
        except ResponseError as error:
            if not str(error).startswith("WRONGTYPE"):
                raise
            _seldom.say("error", "sink.blocked", sink=self._shift.sink.name, error=str(error))
            return False
        self._deliveries.tell(wanted)
        return True

    def _run(self, item: Item) -> Outcome:
        try:
            commands = self._local.commands(item)
        except NOT_OURS:
            return self._settlement.not_ours(item)
        words = itertools.chain.from_iterable((len(each), *each) for each in commands)
        return (*name(item), "", "run", len(commands), *words)
