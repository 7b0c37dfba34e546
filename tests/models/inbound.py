"""Histories of the inbound stream: accepted, normalised, published, each exactly once.

Steps are those of the real scripts and jobs on a real server. The model: what a batch holds counts
once its script has run; each notification has one outcome; of events that say the same one is
published, unless the time to remember is over by both clocks.
"""

import asyncio
import json
from collections import Counter
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from redis.exceptions import ResponseError

from receiver.config.settings import Settings
from receiver.contract.redis_keys import ATTEMPTS, BELL, EVENTS, GROUP, IDENTITIES, INBOUND, MARKS
from receiver.intake.inbound_writer import Batch
from receiver.operations import dead_letters, ledger
from receiver.operations.dead_letter_actions import DeadLetterActions
from receiver.operations.dead_letters import Selection
from tests.models.processes import Flusher, Worker
from tests.models.said import FINAL, SAID, Said, item
from tests.models.world import JUMPS, STRANGERS, World
from workers.maintenance.sweep import Sweep
from workers.normalise.decide import decide

HOURS: Final = 73
SETTINGS: Final = Settings(dedupe_hours=HOURS)
ABANDONED: Final = 20
"""Seconds after which a worker counts as dead, and a little more."""


class InboundHistories(RuleBasedStateMachine):
    """See the module."""

    world: World
    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        super().__init__()
        self.world.begin()
        self.client = self.world.client
        self.flushers = [Flusher(self.client, name) for name in ("a", "b")]
        self.workers = [Worker(self.client, name, SETTINGS) for name in ("one-0", "two-0")]
        self.accepted: dict[str, Said] = {}
        """By receipt, what Redis took."""
        self.says: dict[bytes, tuple[str, Said]] = {}
        self.refused = self.dropped = 0
        self.marked = self.in_place = True
        """Whether the group's mark is there, and whether nobody has moved the group, since the last
        job: without both nobody knows what was done."""
        self.published: list[dict[str, Any]] = []
        self._at = "-"
        self.forgetful = False
        """Whether identities may have been forgotten, rightly."""
        self._earliest = max(self.world.server, self.world.local)
        """From when on an identity may have been claimed: the later clock then."""

    # What may happen ------------------------------------------------------------------------

    @rule(
        by=st.integers(0, 1),
        says=st.lists(SAID, max_size=4),
        refused=st.integers(0, 1),
        fate=st.sampled_from(["answered", "answered", "reply lost", "request lost"]),
    )
    def append(self, by: int, says: list[Said], refused: int, fate: str) -> None:
        flusher = self.flushers[by]
        stored = []
        for said in says:
            receipt = len(self.says)
            stored.append(said.notification(receipt))
            self.says[stored[-1]] = (f"{receipt:027x}", said)
        number = len(flusher.sent) + 1
        flusher.sent.append(Batch(flusher.name, number, stored, [b"refused"] * refused))
        self._send(flusher, [*flusher.open, flusher.sent[-1]], fate)

    @rule(by=st.integers(0, 1), fate=st.sampled_from(["answered", "reply lost"]))
    def repeat(self, by: int, fate: str) -> None:
        flusher = self.flushers[by]
        if flusher.open:
            self._send(flusher, flusher.open, fate)

    @rule(by=st.integers(0, 1))
    def give_up(self, by: int) -> None:
        self.flushers[by].open = []

    @rule(by=st.integers(0, 1), which=st.integers(0, 20))
    def late_copy(self, by: int, which: int) -> None:
        flusher = self.flushers[by]
        if which < len(flusher.sent):
            was = flusher.open
            self._send(flusher, [flusher.sent[which]], "answered")
            flusher.open = was

    def _send(self, flusher: Flusher, batches: list[Batch], fate: str) -> None:
        flusher.link.fate = fate
        try:
            self.loop.run_until_complete(flusher.inbound.append(*batches))
            flusher.open = []
        except TimeoutError:
            flusher.open = batches
        for batch in batches if fate != "request lost" else ():
            if batch.number > flusher.last:
                flusher.last = batch.number
                self.refused += len(batch.refused)
                self.accepted.update(self.says[one] for one in batch.accepted)

    @rule(by=st.integers(0, 1))
    def job(self, by: int) -> None:
        self.workers[by].job.run()
        self.marked = self.in_place = True

    @rule(by=st.integers(0, 1), count=st.integers(1, 5))
    def read(self, by: int, count: int) -> None:
        worker = self.workers[by]
        try:
            reply = self.client.xreadgroup(GROUP, worker.name, {INBOUND: ">"}, count=count)
        except ResponseError as error:
            if "NOGROUP" in str(error):
                return  # a job ends with that, and the next one makes the group
            raise
        for _, entries in reply:
            worker.held += [(entry, fields[b"n"]) for entry, fields in entries]

    @rule(by=st.integers(0, 1), heard=st.booleans(), one=st.booleans())
    def publish(self, by: int, heard: bool, one: bool) -> None:
        worker = self.workers[by]
        some = worker.held[:1] if one else worker.held
        if not some:
            return
        worker.job._sha = self.client.script_load(worker.job._text)
        for command in worker.job._publish([decide(entry, SETTINGS) for entry in some]):
            try:
                self.client.execute_command(*command)
            except ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                heard = False
        if heard:
            worker.held = worker.held[len(some) :]

    @rule()
    def overtake(self) -> None:
        """What one worker has read is published after what the other one read later."""
        self.read(0, 1)
        self.read(1, 5)
        self.publish(1, heard=True, one=False)

    @rule(by=st.integers(0, 1))
    def crash(self, by: int) -> None:
        self.workers[by].held = []

    @rule(how=st.sampled_from(STRANGERS))
    @precondition(lambda self: self.marked)
    def stranger(self, how: str) -> None:
        self.world.disturb(INBOUND, GROUP, how)
        self.in_place = False

    @rule(how=st.sampled_from(STRANGERS))
    @precondition(lambda self: self.marked)
    def stranger_and_old_age(self, how: str) -> None:
        """What is open is old enough to be trimmed before a job sees what the stranger did."""
        self.stranger(how)
        self.time_passes(26 * 3600)
        self.sweep()

    @rule(key=st.sampled_from([BELL, ATTEMPTS, IDENTITIES]))
    def lose_key(self, key: str) -> None:
        self.client.delete(key)
        self.forgetful |= key == IDENTITIES

    @rule()
    @precondition(lambda self: self.in_place)
    def lose_marks(self) -> None:
        self.client.delete(MARKS)
        self.marked = False

    @rule(seconds=st.sampled_from([1, ABANDONED, 3600, 26 * 3600, 74 * 3600]))
    def time_passes(self, seconds: int) -> None:
        self.world.pass_by(seconds, (INBOUND, GROUP))
        self._remember()

    @rule(server=st.sampled_from(JUMPS), local=st.sampled_from(JUMPS))
    def clocks_jump(self, server: int, local: int) -> None:
        self.world.set(self.world.server + server, self.world.local + local)
        self._remember()

    @rule(which=st.sampled_from(["server", "local"]))
    def sweep_with_a_clock_ahead(self, which: str) -> None:
        """One clock is ahead for a moment."""
        server, local = self.world.server, self.world.local
        ahead = 10 * 24 * 3600
        self.world.set(server + ahead * (which == "server"), local + ahead * (which == "local"))
        self._remember()
        self.sweep()
        self.world.set(server, local)

    def _remember(self) -> None:
        earlier, later = sorted((self.world.server, self.world.local))
        self._earliest = min(self._earliest, later)
        self.forgetful |= earlier >= self._earliest + 3600 * HOURS

    @rule()
    def sweep(self) -> None:
        Sweep(self.client).run()

    @rule(drop=st.booleans())
    def dead_letter(self, drop: bool) -> None:
        actions = DeadLetterActions(self.client)
        for found in list(dead_letters.select(self.client, Selection()))[:1]:
            if drop:
                self.dropped += list(actions.drop([found])) == [(found.summary.id, "done")]
            else:
                list(actions.replay([found], frozenset()))

    # What must be true ----------------------------------------------------------------------

    @invariant()
    def events_come_once(self) -> None:
        for entry, fields in self.client.xrange(EVENTS, self._at):
            self._at = f"({entry.decode()}"
            self.published.append(json.loads(fields[b"event"]))
        named = [(one["receiptid"], one["id"]) for one in self.published]
        assert len(named) == len(set(named))
        assert self.forgetful or len(named) == len({name for _, name in named})

    def teardown(self) -> None:
        for flusher in self.flushers:
            self._send(flusher, flusher.open, "answered") if flusher.open else None
        for _ in range(2):
            self.world.pass_by(ABANDONED, (INBOUND, GROUP))
            for worker in self.workers:
                worker.job.run()
        self.events_come_once()
        self._all_came_out()
        self._late_ones_are_marked()
        self._books_balance()

    def _all_came_out(self) -> None:
        made = Counter(map(item, self.published))
        given = Counter(each for said in self.accepted.values() for each in said.items)
        assert made.keys() == given.keys()
        for what, count in given.items():
            if what[0] == "bare":
                assert made[what] == count
            else:
                assert made[what] == 1 or (self.forgetful and made[what] <= count)

    def _late_ones_are_marked(self) -> None:
        settled: set[Any] = set()
        for event in self.published:
            kind, which, status, address = item(event)
            if kind == "status" and not self.forgetful:
                assert event["data"]["late"] == ((which, address) in settled)
                if status in FINAL:
                    settled.add((which, address))

    def _books_balance(self) -> None:
        books = ledger.read(self.client)
        broken = sum(said.kind == "broken" for said in self.accepted.values())
        receipts = {event["receiptid"] for event in self.published}
        assert (books.accepted, books.open) == (len(self.accepted), 0)
        assert (books.published, books.dead) == (len(receipts), broken)
        assert books.duplicate == len(self.accepted) - len(receipts) - broken
        assert (books.rejected, books.dead_dropped) == (self.refused, self.dropped)
        assert books.events == len(self.published)
