"""What must be true of a history of the inbound stream.

The model: what a batch holds counts once its script has run; each notification has one outcome; of
events that say the same one is published, unless the time to remember is over by both clocks.
"""

import asyncio
import json
from collections import Counter
from typing import Any, Final

from hypothesis.stateful import RuleBasedStateMachine, invariant

from receiver.config.settings import Settings
from receiver.contract.redis_keys import EVENTS, GROUP, INBOUND
from receiver.intake.inbound_writer import Batch
from receiver.operations import ledger
from tests.models.processes import Flusher, Worker
from tests.models.said import FINAL, Said, item
from tests.models.world import World

HOURS: Final = 73
SETTINGS: Final = Settings(dedupe_hours=HOURS)
ABANDONED: Final = 20
"""Seconds after which a worker counts as dead, and a little more."""


class InboundModel(RuleBasedStateMachine):
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
        """Whether the group's mark is there, and whether all that was open since somebody moved the
        group is done: without both nobody knows what was done."""
        self.published: list[dict[str, Any]] = []
        self._at = "-"
        self.forgetful = False
        """Whether identities may have been forgotten, rightly."""
        self._earliest = max(self.world.server, self.world.local)
        """From when on an identity may have been claimed: the later clock then."""

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
            self.send(flusher, flusher.open, "answered") if flusher.open else None
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

    def send(self, flusher: Flusher, batches: list[Batch], fate: str) -> None:
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

    def remember(self) -> None:
        earlier, later = sorted((self.world.server, self.world.local))
        self._earliest = min(self._earliest, later)
        self.forgetful |= earlier >= self._earliest + 3600 * HOURS
