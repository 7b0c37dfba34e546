"""What must be true of a history of one sink.

The model: an event has one life, and one more for each time it was asked for again while it waited
for nothing; each life ends once, as delivered, filtered or a dead letter. What the settling script
itself delivers (`run`) comes out no more often than the event has lives. What Redis has forgotten
that it was parked, or was told not to wait for, is in a file that is kept.
"""

import json
from collections import Counter
from typing import Any, Final

from hypothesis.stateful import RuleBasedStateMachine

from receiver.contract.redis_keys import EVENTS, forward_group
from receiver.operations import dead_letters, sink_ledger, sink_orders
from receiver.operations.dead_letters import Selection
from receiver.operations.sink_ledger import SinkLedger
from tests.models.sink_parker import Parker
from tests.models.sink_worker import SINK, Worker, outcomes_of
from tests.models.world import World
from workers.forward.delivery_queue import create_group

GROUP: Final = forward_group(SINK.name)


class SinkModel(RuleBasedStateMachine):
    """See the module."""

    world: World
    client: Any

    def __init__(self) -> None:
        super().__init__()
        self.world.begin()
        self.client = self.world.client
        create_group(self.client, SINK.name)
        self.workers = [Worker(self.world, name) for name in ("one-0", "two-0")]
        self.parkers = [Parker(self.client) for _ in range(2)]
        self.events: dict[str, tuple[int, bytes]] = {}
        """By entry: its number, and itself."""
        self.lives: Counter[str] = Counter()
        self.taken: set[str] = set()
        """Entries that a request has delivered, which may happen again."""
        self.dropped: set[str] = set()
        self.forgotten = self.skipped = 0
        """Parked events that Redis has forgotten, and that it was told not to wait for."""

    def teardown(self) -> None:
        try:
            self._finish()
            self._each_life_ended_once()
        finally:
            for parker in self.parkers:
                parker.close()

    def letters(self) -> dict[str, str]:
        """Return the entry of each dead letter that is kept."""
        found = dead_letters.select(self.client, Selection())
        return {one.summary.id: one.letter.entry for one in found}

    def all_restart(self) -> None:
        """Have each worker begin with what is open."""
        for worker in self.workers:
            worker.queue.recover()

    def _finish(self) -> None:
        self.all_restart()
        for _ in range(40):
            sink_orders.start(self.client, SINK.name)
            self.world.pass_by(4000, (EVENTS, GROUP))
            for worker in self.workers:
                worker.restart()
                while items := worker.queue.lease(100):
                    worker.queue.settle([one for item in items for one in outcomes_of(item, "run")])
            for parker in self.parkers:
                parker.give_back()
            books = self._books()
            if not books.open and not books.parked:
                return
        raise AssertionError(f"not done: {self._books()}")

    def _books(self) -> SinkLedger:
        """Read the ledger. What comes again since somebody moved the group counts as open twice
        until a worker has passed over it, so it balances at the end only.
        """
        (books,) = sink_ledger.read(self.client)
        return books

    def _each_life_ended_once(self) -> None:
        books, letters = self._books(), [*self.letters().values()]
        run = Counter(fields[b"entry"].decode() for _, fields in self.client.xrange(SINK.stream))
        # Of a life that was asked for while the one before was open, the two may become one.
        assert len(self.events) <= books.events <= sum(self.lives.values())
        lost = self.forgotten + self.skipped
        settled = books.delivered + books.filtered + books.dead + lost
        assert books.events == settled, (books, self.forgotten, self.skipped)
        assert books.balanced or self.forgotten
        assert (books.shed, books.parked_damaged) == (0, self.skipped)
        ended = {*run, *letters} | self.taken | self.dropped
        wanted = [name for name, (_, event) in self.events.items() if _wanted(event)]
        missing = [entry for entry in wanted if entry not in ended]
        assert len(missing) <= lost
        assert {*missing} <= set().union(*(parker.kept() for parker in self.parkers))
        for entry in self.events:
            assert run[entry] + letters.count(entry) <= self.lives[entry]


def _wanted(event: bytes) -> bool:
    return bool(json.loads(event)["type"] == "wanted")
