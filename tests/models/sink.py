"""Histories of one sink: events leased, delivered, put off, parked, replayed, each settled once.

The model: an event has one life, and one more for each time it was asked for again while it waited
for nothing; each life ends once, as delivered, filtered or a dead letter. What the settling script
itself delivers (`run`) comes out no more often than the event has lives.
"""

import json
from collections import Counter
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from receiver.contract.redis_keys import (
    EVENTS,
    forward_bell,
    forward_group,
    refused_at,
    retry_due,
    sink_state,
)
from receiver.operations import dead_letters, sink_ledger, sink_orders
from receiver.operations.dead_letter_actions import DeadLetterActions
from receiver.operations.dead_letters import Selection
from receiver.operations.requeue import Requeue
from receiver.operations.sink_ledger import SinkLedger
from tests.models.sink_parking import ParkingRules
from tests.models.sink_worker import SINK, Worker, outcomes_of
from tests.models.world import JUMPS, STRANGERS
from tests.support import forwarding
from workers.forward.delivery_queue import create_group
from workers.forward.outcomes import Outcome
from workers.maintenance.sweep import Sweep

GROUP: Final = forward_group(SINK.name)
KEYS: Final = (forward_bell(SINK.name), sink_state(SINK.name), refused_at(SINK.name))
KEPT: Final = 30 * 24 * 3600  # seconds that a dead letter is kept
LEASE: Final = 20  # seconds after which a lease is over, and a little more
ACTIONS: Final = (
    *("run", "run", "run", "delivered", "retry", "refused", "again", "dead", "unsent", "pause"),
    *("stop",),
)


class SinkHistories(ParkingRules):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.world.begin()
        self.client = self.world.client
        create_group(self.client, SINK.name)
        self.workers = [Worker(self.world, name) for name in ("one-0", "two-0")]
        self.events: dict[str, tuple[int, bytes]] = {}
        """By entry: its number, and itself."""
        self.lives: Counter[str] = Counter()
        self.taken: set[str] = set()
        """Entries that a request has delivered, which may happen again."""
        self.dropped: set[str] = set()
        self.letter: dead_letters.Found | None = None
        """One that was sent on its way again, or dropped."""
        self.open_place()

    # What may happen ------------------------------------------------------------------------

    @rule(wanted=st.lists(st.booleans(), min_size=1, max_size=5))
    def publish(self, wanted: list[bool]) -> None:
        for each in wanted:
            number = len(self.events)
            kind = "wanted" if each else "unwanted"
            event = json.dumps(forwarding.event(number, type=kind)).encode()
            entry = self.client.xadd(EVENTS, {"event": event}).decode()
            self.events[entry] = number, event
            self.lives[entry] = 1

    @rule(by=st.integers(0, 1), count=st.integers(1, 4))
    def lease(self, by: int, count: int) -> None:
        worker = self.workers[by]
        if not worker.held:  # a worker settles what it has before it leases more
            worker.held = worker.queue.lease(count)

    @rule(
        by=st.integers(0, 1),
        actions=st.lists(st.sampled_from(ACTIONS), min_size=4, max_size=4),
        heard=st.booleans(),
    )
    def settle(self, by: int, actions: list[str], heard: bool) -> None:
        worker = self.workers[by]
        found: list[Outcome] = []
        for item, action in zip(worker.held, actions, strict=False):
            if action == "delivered":
                self.taken.add(item.delivery.entry)
            found += outcomes_of(item, "unsent" if worker.queue.held else action)
        if found:
            worker.queue.settle(found)
        if heard:
            worker.held = []

    @rule(by=st.integers(0, 1))
    def crash(self, by: int) -> None:
        self.workers[by].restart()

    @rule()
    def start(self) -> None:
        sink_orders.start(self.client, SINK.name)

    @rule(which=st.integers(0, 20))
    def replay(self, which: int) -> None:
        if which < len(self.events):
            entry, (_, event) = list(self.events.items())[which]
            now = 1000 * self.world.server
            self.lives[entry] += Requeue(self.client).send(SINK.name, [(entry, event)], now)

    @rule(drop=st.booleans())
    def dead_letter(self, drop: bool) -> None:
        actions = DeadLetterActions(self.client)
        for found in list(dead_letters.select(self.client, Selection()))[:1]:
            entry, self.letter = found.letter.entry, found
            if drop:
                list(actions.drop([found]))
                self.dropped.add(entry)
            else:
                before = self.client.zcard(retry_due(SINK.name))
                list(actions.replay([found], frozenset([SINK.name])))
                self.lives[entry] += self.client.zcard(retry_due(SINK.name)) - before
                self.dropped.add(entry)  # where it waited already, the letter went all the same
            left = dead_letters.select(self.client, Selection())
            assert found.summary.id not in {one.summary.id for one in left}

    @rule(drop=st.booleans())
    def give_up(self, drop: bool) -> None:
        """What is leased becomes dead letters, of which one is dropped or sent on its way again."""
        self.publish([True])
        self.lease(0, 4)
        self.settle(0, ["dead"] * 4, heard=True)
        self.dead_letter(drop)

    @rule()
    def dead_letter_again(self) -> None:
        """Somebody who still sees a letter that is gone."""
        before = self.client.zcard(retry_due(SINK.name))
        if self.letter:
            actions = DeadLetterActions(self.client)
            list(actions.replay([self.letter], frozenset([SINK.name])))
        assert self.client.zcard(retry_due(SINK.name)) == before

    @rule(action=st.sampled_from(["run", "retry", "delivered"]))
    def settle_late(self, action: str) -> None:
        """One settles what another has leased and settled since: its own lease was over."""
        self.time_passes(1)
        self.lease(0, 4)
        self.time_passes(LEASE)
        self.lease(1, 4)
        self.settle(1, ["run"] * 4, heard=True)
        self.settle(0, [action] * 4, heard=True)

    @rule(how=st.sampled_from(STRANGERS))
    def stranger(self, how: str) -> None:
        self.world.disturb(EVENTS, GROUP, how)
        self._all_restart()

    @rule(how=st.sampled_from(STRANGERS))
    def stranger_and_old_age(self, how: str) -> None:
        """What is open is old enough to be trimmed before a worker sees what the stranger did."""
        self.world.disturb(EVENTS, GROUP, how)
        self.time_passes(8 * 24 * 3600)
        self.sweep()
        self._all_restart()

    @rule(
        key=st.sampled_from([forward_bell(SINK.name), sink_state(SINK.name), refused_at(SINK.name)])
    )
    def lose_key(self, key: str) -> None:
        self.client.delete(key)

    @rule(seconds=st.sampled_from([1, LEASE, 3700, 80 * 3600]))
    def time_passes(self, seconds: int) -> None:
        self.world.pass_by(seconds, (EVENTS, GROUP))

    @rule(server=st.sampled_from(JUMPS), local=st.sampled_from(JUMPS))
    def clocks_jump(self, server: int, local: int) -> None:
        self.world.set(self.world.server + server, self.world.local + local)

    @rule()
    def sweep(self) -> None:
        before = self._letters()
        Sweep(self.client).run()
        for letter in before.keys() - self._letters().keys():
            assert int(letter.partition("-")[0]) / 1000 + KEPT <= self.world.server
            self.dropped.add(before[letter])

    def _letters(self) -> dict[str, str]:
        """Return the entry of each dead letter that is kept."""
        found = dead_letters.select(self.client, Selection())
        return {one.summary.id: one.letter.entry for one in found}

    def _all_restart(self) -> None:
        for worker in self.workers:
            worker.queue.recover()

    # What must be true ----------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            self._finish()
            self._each_life_ended_once()
        finally:
            self.close_place()

    def _finish(self) -> None:
        self._all_restart()
        for _ in range(40):
            self.start()
            self.world.pass_by(4000, (EVENTS, GROUP))
            for worker in self.workers:
                worker.restart()
                while items := worker.queue.lease(100):
                    worker.queue.settle([one for item in items for one in outcomes_of(item, "run")])
            self.give_back("")
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
        books = self._books()
        assert books.balanced
        letters = [*self._letters().values()]
        run = Counter(fields[b"entry"].decode() for _, fields in self.client.xrange(SINK.stream))
        # Of a life that was asked for while the one before was open, the two may become one.
        assert len(self.events) <= books.events <= sum(self.lives.values())
        assert books.delivered + books.filtered + books.dead == books.events
        assert (books.shed, books.parked_damaged) == (0, 0)
        for entry, (_, event) in self.events.items():
            ended = {*run, *letters} | self.taken | self.dropped
            assert json.loads(event)["type"] != "wanted" or entry in ended
            assert run[entry] + letters.count(entry) <= self.lives[entry]
