"""The job behind the inbound stream: read a batch, say what it means, make its outcomes happen."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import redis
import structlog

from receiver.config.settings import Settings
from receiver.contract.redis_keys import (
    ATTEMPTS,
    BELL,
    DEAD_LETTERS,
    EVENTS,
    GROUP,
    IDENTITIES,
    INBOUND,
    LEDGER,
    MARKS,
)
from receiver.runtime import scripts
from workers import bell, memory_headroom, second_clock
from workers.normalise import tracing
from workers.normalise.decide import Entry, Outcome, dead, outcome
from workers.normalise.inbound_reader import Inbox, pairs
from workers.normalise.pipelined_connection import Command, Pipe
from workers.outcome_log import Teller

if TYPE_CHECKING:
    from receiver.runtime.tracing.spans import Tracer

log = structlog.get_logger()

WORK_SECONDS: Final = 10.0
"""After this long a job ends and rings, so that RQ sees a living worker."""
LINGER_MILLISECONDS: Final = 200
"""How long a job waits for more before it ends: a steady trickle then pays for no RQ job each."""
LONELY_ATTEMPTS: Final = 3
MADE_BYTES: Final = 8 * 1024 * 1024
"""Of events that are thought out together: each has the whole body in it, so one list of statuses
may make some hundred times its own size."""
WORDS: Final = 8_000
"""Arguments of one run of the script; one body may hold thousands of statuses, of four each."""

_KEYS: Final = (INBOUND, EVENTS, DEAD_LETTERS, LEDGER, IDENTITIES, ATTEMPTS, MARKS)


class _Runs(NamedTuple):
    """What is being published."""

    outcomes: list[Outcome]
    commands: int
    """Runs of the script that it takes."""


class Normaliser:
    """One worker's normalise job, run over and over; running it again at any point is safe."""

    def __init__(
        self,
        client: redis.Redis,
        consumer: str,
        settings: Settings,
        stopping: Callable[[], bool],
        tracer: "Tracer | None" = None,
    ) -> None:
        self._client = client
        self._pipe = Pipe(client)
        self._inbox = Inbox(consumer)
        self._settings = settings
        self._stopping = stopping
        self._text = scripts.load(__package__, "publish")
        self._enter = scripts.load(__package__, "enter_group")
        self._sha = ""
        self._survived: set[bytes] = set()
        self._outcome = tracing.outcomes(tracer) if tracer else outcome
        self._teller = tracing.TracedTeller(client) if tracer else Teller(client)

    def run(self) -> None:
        """Work until the stream is empty, the time is up or a stop is asked for."""
        until = time.monotonic() + WORK_SECONDS
        self._begin()
        if self._held():
            return
        self._recover()
        try:
            while entries := self._wait():
                if self._work(entries, until):
                    bell.ring(self._client)
                    return
        finally:
            self._pipe.close()
            self._teller.write()

    def _begin(self) -> None:
        """Clear the bell; bring script and group to a server that may have come back empty."""
        start = self._client.pipeline(transaction=False)
        start.delete(BELL)
        start.script_load(self._text)
        start.eval(self._enter, 2, INBOUND, MARKS, GROUP)
        _, self._sha, moved = start.execute()
        if moved:
            log.warning("group.moved", stream=INBOUND, group=GROUP)

    def _wait(self) -> list[Entry]:
        if self._stopping():
            return []
        self._pipe.send(self._inbox.read("BLOCK", LINGER_MILLISECONDS))
        return self._inbox.entries(self._pipe.receive())

    def _work(self, entries: list[Entry], until: float) -> bool:
        """Batch after batch: while the server publishes one and reads the next, think about the
        one between. True when something may be left because it was time to stop.
        """
        self._pipe.send(self._inbox.read())
        publishing, reading, over = _Runs([], 0), True, False
        while entries:
            outcomes = self._outcomes(entries)
            self._published(publishing)
            rest = entries[len(outcomes) :]
            entries = rest + (self._inbox.entries(self._pipe.receive()) if reading else [])
            over = over or self._stopping() or time.monotonic() > until or self._held()
            if over and rest:
                entries = []  # `_recover` begins with them
            reading = bool(entries) and not (over or rest)
            told = self._publish(outcomes)
            self._pipe.send(*told, *([self._inbox.read()] if reading else []))
            publishing = _Runs(outcomes, len(told))
        self._published(publishing)
        return over

    def _outcomes(self, entries: list[Entry]) -> list[Outcome]:
        """Of the first ones: as many as are good to hold in memory."""
        outcomes: list[Outcome] = []
        made = 0
        for entry in entries:
            outcomes.append(self._outcome(entry, self._settings))
            made += max(1, outcomes[-1][0][1]) * len(entry[1])
            if made > MADE_BYTES:
                break
        return outcomes

    def _held(self) -> bool:
        """Whether to leave what is open where it is: the sweep rings again."""
        return bool(
            self._settings.sinks
            and memory_headroom.short(self._client)
            and memory_headroom.sinks_behind(self._client)
        )

    def _published(self, runs: _Runs) -> None:
        """These outcomes have happened; the sinks may have new events."""
        replies = [self._pipe.receive() for _ in range(runs.commands)]
        if self._settings.sinks and any(reply[3] for reply in replies):
            bell.ring_sinks(self._client, self._settings.sinks)
        letters = b"".join(reply[5] for reply in replies)
        self._teller.outcomes([told for _, told in runs.outcomes], letters)

    def _publish(self, outcomes: list[Outcome]) -> list[Command]:
        """The script, run as often as it takes to keep each run short: others wait meanwhile."""
        remember = self._settings.dedupe_hours * 3600
        first = (
            "EVALSHA",
            self._sha,
            len(_KEYS),
            *_KEYS,
            GROUP,
            remember,
            second_clock.ours() // 1000,
        )
        commands, told = [], list[Any]()
        for words, _ in outcomes:
            if told and len(told) + len(words) > WORDS:
                commands.append((*first, *told))
                told = []
            told += words
        return [*commands, (*first, *told)]

    def _recover(self) -> None:
        """What this consumer, or a dead one, began and never finished: one by one, counted.

        One entry that kills the process must neither do so for ever nor take others with it.
        """
        while entries := self._left_over():
            for entry in entries:
                if self._stopping():
                    return
                self._alone(entry)

    def _left_over(self) -> list[Entry]:
        self._pipe.send(*self._inbox.left_over())
        mine = self._inbox.entries(self._pipe.receive())
        return mine + pairs(self._pipe.receive()[1])

    def _alone(self, entry: Entry) -> None:
        alone = (
            self._outcome(entry, self._settings)
            if self._count(entry[0]) <= LONELY_ATTEMPTS
            else dead(entry, f"the process did not survive it, {LONELY_ATTEMPTS} times")
        )
        self._survived.add(entry[0])
        told = self._publish([alone])
        self._pipe.send(*told)
        self._published(_Runs([alone], len(told)))
        self._survived.discard(entry[0])

    def _count(self, entry_id: bytes) -> int:
        """Begin a lonely attempt; one that ended in a Redis error, not in death, counts once."""
        step = 0 if entry_id in self._survived else 1
        attempts: Any = self._client.hincrby(ATTEMPTS, entry_id.decode(), step)
        return int(attempts)
