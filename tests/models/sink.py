"""Histories of one sink: events leased, delivered, put off, parked, replayed, each settled once.

Here: what an operator does, a stranger, a clock, the sweep, and a key that is lost.
"""

from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from receiver.contract.redis_keys import (
    EVENTS,
    MARKS,
    forward_bell,
    refused_at,
    retry_due,
    sink_state,
)
from receiver.operations import dead_letters, sink_orders
from receiver.operations.dead_letter_actions import DeadLetterActions
from receiver.operations.dead_letters import Selection
from tests.models.sink_deliveries import LEASE
from tests.models.sink_model import GROUP
from tests.models.sink_parking import ParkingRules
from tests.models.sink_worker import SINK
from tests.models.world import JUMPS, STRANGERS
from workers.maintenance.sweep import Sweep

KEPT: Final = 30 * 24 * 3600  # seconds that a dead letter is kept
OLD: Final = 8 * 24 * 3600  # seconds after which an event may be trimmed


class SinkHistories(ParkingRules):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.letter: dead_letters.Found | None = None
        """One that was sent on its way again, or dropped."""
        self.moved = False
        """Whether a stranger has moved the group: what it is done with only the mark knows then."""

    @rule()
    def start(self) -> None:
        sink_orders.start(self.client, SINK.name)

    @rule(drop=st.booleans())
    def dead_letter(self, drop: bool) -> None:
        actions = DeadLetterActions(self.client)
        for found in list(dead_letters.select(self.client, Selection()))[:1]:
            entry, self.letter = found.letter.entry, found
            if drop or not found.letter.event:  # of one that was deleted there is nothing to send
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

    @rule(how=st.sampled_from(STRANGERS))
    def stranger(self, how: str) -> None:
        self.moved = True
        self.world.disturb(EVENTS, GROUP, how)
        self.all_restart()

    @rule(how=st.sampled_from(STRANGERS))
    def stranger_beside_a_gap(self, how: str) -> None:
        """What one worker has is open, and what came later is done: it is delivered again."""
        self.publish([True, True])
        self.lease(0, 1)
        self.lease(1, 4)
        self.settle(1, ["run"] * 4, heard=True)
        self.stranger(how)
        self.lease(1, 4)
        self.settle(1, ["run"] * 4, heard=True)

    @rule(how=st.sampled_from(STRANGERS))
    def stranger_and_old_age(self, how: str) -> None:
        """What is open is old enough to be trimmed before a worker sees what the stranger did."""
        self.moved = True
        self.world.disturb(EVENTS, GROUP, how)
        self.time_passes(OLD)
        self.sweep()
        self.all_restart()

    @rule()
    @precondition(lambda self: not self.moved)
    def lose_marks_and_old_age(self) -> None:
        """The same where the marks are lost, which a worker then makes again."""
        self.client.delete(MARKS)
        self.time_passes(OLD)
        self.sweep()
        self.crash(0)
        self.lease(0, 1)

    @rule(by=st.integers(0, 1), late=st.booleans())
    @precondition(lambda self: not self.moved)
    def stranger_deletes_what_is_open(self, by: int, late: bool) -> None:
        """An event that a worker has goes from the stream; the worker is gone, or only slow."""
        self.publish([True])
        self.start()
        self.crash(0)  # or it might hold what has been taken over since
        self.lease(0, 4)
        held = [one.delivery.entry for one in self.workers[0].held if not one.retry]
        self.time_passes(LEASE if late else 1)
        for entry in held[-1:]:
            self.client.xdel(EVENTS, entry)
            self.crash(by)
            for worker in (by, 0) * 2:
                self.start()
                self.lease(worker, 4)
                self.settle(worker, ["run"] * 4, heard=True)
            assert not self.client.xpending_range(EVENTS, GROUP, entry, entry, 1)

    @rule(
        key=st.sampled_from([forward_bell(SINK.name), sink_state(SINK.name), refused_at(SINK.name)])
    )
    def lose_key(self, key: str) -> None:
        self.client.delete(key)

    @rule(server=st.sampled_from(JUMPS), local=st.sampled_from(JUMPS))
    def clocks_jump(self, server: int, local: int) -> None:
        self.world.set(self.world.server + server, self.world.local + local)

    @rule()
    def sweep(self) -> None:
        before = self.letters()
        sweep = Sweep(self.client)
        sweep.trim()
        sweep.ring()
        for letter in before.keys() - self.letters().keys():
            assert int(letter.partition("-")[0]) / 1000 + KEPT <= self.world.server
            self.dropped.add(before[letter])
