"""Histories of one sink: events leased, delivered, put off, parked, replayed, each settled once.

The model: an event has one life, and one more for each time it was asked for again while it waited
for nothing; each life ends once, as delivered, filtered or a dead letter. What the settling script
itself delivers (`run`) comes out no more often than the event has lives.
"""

import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

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
from tests.models.sink_worker import SINK, Worker, outcomes_of
from tests.models.world import JUMPS, STRANGERS, World
from tests.support import forwarding
from workers.forward.delivery_queue import create_group
from workers.forward.outcomes import Outcome
from workers.maintenance.sweep import Sweep
from workers.parking import memory_use
from workers.parking.place import Place
from workers.parking.sink_parking import SinkParking

GROUP: Final = forward_group(SINK.name)
KEYS: Final = (forward_bell(SINK.name), sink_state(SINK.name), refused_at(SINK.name))
LEASE: Final = 20  # seconds after which a lease is over, and a little more
ACTIONS: Final = (
    *("run", "run", "run", "delivered", "retry", "refused", "again", "dead", "unsent", "pause"),
    *("stop",),
)


class Killed(Exception):
    """The process that parks is killed here."""


class SinkHistories(RuleBasedStateMachine):
    """See the module."""

    world: World

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
        self.directory = Path(tempfile.mkdtemp(prefix="models-"))
        self._open_place()

    def _open_place(self) -> None:
        self.place = Place(self.directory)
        self.parking = SinkParking(self.client, SINK, self.place, sheds=False)

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
            entry = found.letter.entry
            if drop:
                list(actions.drop([found]))
                self.dropped.add(entry)
            else:
                before = self.client.zcard(retry_due(SINK.name))
                list(actions.replay([found], frozenset([SINK.name])))
                self.lives[entry] += self.client.zcard(retry_due(SINK.name)) - before
                self.dropped.add(entry)  # where it waited already, the letter went all the same

    @rule(count=st.integers(1, 4), killed=st.sampled_from(["", "", "before", "after"]))
    def park(self, count: int, killed: str) -> None:
        self._with_files("_leave", killed, lambda use: self.parking.relieve(use, count))

    @rule(killed=st.sampled_from(["", "", "before", "after"]))
    def give_back(self, killed: str) -> None:
        self._with_files("_give", killed, self.parking.give_back)

    @rule()
    def take_over(self) -> None:
        use = memory_use.read(self.client, [SINK]).get(SINK.name)
        if use:
            self.parking.take_over(use)

    def _with_files(self, step: str, killed: str, do: Any) -> None:
        """Do what a parker does, killed before or after the script it runs."""
        use = memory_use.read(self.client, [SINK]).get(SINK.name)
        if not use:
            return
        real = getattr(self.parking, step)

        def dying(*arguments: Any, **more: Any) -> Any:
            if killed == "after":
                real(*arguments, **more)
            raise Killed

        self.parking.update_files(use)
        try:
            if killed:
                setattr(self.parking, step, dying)
            do(use)
        except Killed:
            self.place.close()
            self._open_place()
        finally:
            self.parking.__dict__.pop(step, None)

    @rule(how=st.sampled_from(STRANGERS))
    def stranger(self, how: str) -> None:
        self.world.disturb(EVENTS, GROUP, how)
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
        Sweep(self.client).run()

    def _all_restart(self) -> None:
        for worker in self.workers:
            worker.queue.recover()

    # What must be true ----------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            self._finish()
            self._each_life_ended_once()
        finally:
            self.place.close()
            shutil.rmtree(self.directory)

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
        letters = [one.letter.entry for one in dead_letters.select(self.client, Selection())]
        run = Counter(fields[b"entry"].decode() for _, fields in self.client.xrange(SINK.stream))
        # Of a life that was asked for while the one before was open, the two may become one.
        assert len(self.events) <= books.events <= sum(self.lives.values())
        assert books.delivered + books.filtered + books.dead == books.events
        assert (books.shed, books.parked_damaged) == (0, 0)
        for entry, (_, event) in self.events.items():
            ended = {*run, *letters} | self.taken | self.dropped
            assert json.loads(event)["type"] != "wanted" or entry in ended
            assert run[entry] + letters.count(entry) <= self.lives[entry]
