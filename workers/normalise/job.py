"""The normalise job: read a batch of inbound entries, decide their outcomes, publish them."""

import contextlib
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import redis
import structlog

from receiver.config.settings import Settings
from receiver.contract.redis_keys import ATTEMPTS, BELL, GROUP, INBOUND, MARKS
from receiver.runtime import scripts
from receiver.runtime.redis_errors import DOWN
from workers import bell, gathering, memory_headroom
from workers.normalise import tracing
from workers.normalise.decide import Entry, Outcome, dead_letter, decide
from workers.normalise.inbound_reader import InboundReader, parse_entries
from workers.normalise.pipelined_connection import PipelinedConnection
from workers.normalise.publish_script import PublishReply, PublishScript
from workers.outcome_log import OutcomeLog

if TYPE_CHECKING:
    from receiver.runtime.tracing.spans import Tracer

log = structlog.get_logger()

WORK_SECONDS: Final = 10.0
"""After this long a job ends and rings, so that RQ sees a living worker."""
LINGER_MILLISECONDS: Final = 200
"""How long a job waits for more before it ends: a steady trickle then pays for no RQ job each."""
LONELY_ATTEMPTS: Final = 3
MADE_BYTES: Final = 8 * 1024 * 1024
"""Bytes of events that one batch may make: a list of statuses makes some ten times its own size."""


class _Batch(NamedTuple):
    """Hold outcomes that were sent to be published, and which replies follow."""

    outcomes: list[Outcome]
    commands: int = 0
    """Calls of the script."""
    asked: bool = False
    """Whether a reply about memory follows theirs."""
    reads: bool = False
    """Whether the reply to a read comes last."""


class Normaliser:
    """Run one worker's normalise job; running it again after a stop at any point is safe.

    `consumer` is this worker's name in the consumer group. `stopping` is asked between batches.
    """

    def __init__(
        self,
        client: redis.Redis,
        consumer: str,
        settings: Settings,
        stopping: Callable[[], bool],
        tracer: "Tracer | None" = None,
    ) -> None:
        self._client = client
        self._connection = PipelinedConnection(client)
        self._reader = InboundReader(consumer)
        self._settings = settings
        self._stopping = stopping
        self._headroom = memory_headroom.Headroom(client)
        self._script = PublishScript(settings)
        self._enter = scripts.load(__package__, "enter_group")
        self._survived: set[bytes] = set()
        self._decide = tracing.traced(tracer, decide) if tracer else decide
        self._end_spans = partial(tracing.end_spans, tracer) if tracer else None
        self._log = OutcomeLog(client)

    def run(self) -> None:
        """Work until the stream is empty, the time is up or a stop is asked for.

        Raises `redis.RedisError`; what was not published then stays open in the consumer group.
        """
        until = time.monotonic() + WORK_SECONDS
        self._join_group()
        if self._settings.sinks and self._headroom.ask() and self._sinks_lag():
            return
        try:
            over = self._recover(until)
            while not over and (entries := self._wait()):
                over = self._work(entries, until)
                gathering.gather(len(entries))
            if over:
                bell.ring(self._client)
        finally:  # also where RQ's alarm has struck between a command and its reply
            self._connection.close()
            self._log.write_metrics()

    def _join_group(self) -> None:
        """Clear the bell; load the script and create the group on a server that may be empty."""
        start = self._client.pipeline(transaction=False)
        start.delete(BELL)
        start.script_load(self._script.text)
        start.eval(self._enter, 2, INBOUND, MARKS, GROUP)
        _, self._script.sha, moved = start.execute()
        if moved:
            log.warning("group.moved", stream=INBOUND, group=GROUP)

    def _wait(self) -> list[Entry]:
        if self._stopping():
            return []
        self._connection.send(self._reader.read("BLOCK", LINGER_MILLISECONDS))
        return self._reader.entries(self._connection.receive())

    def _work(self, entries: list[Entry], until: float) -> bool:
        """Publish batch after batch. With a backlog the server has the next batch, and a read,
        before it is done with one, while this process decides a third; without, nothing waits for
        a batch that comes after it.
        Returns True when entries may be left because it was time to stop.
        """
        ahead, over = deque[_Batch](), False
        if self._reader.more:
            self._connection.send(self._reader.read())
            ahead.append(_Batch([], reads=True))
        while entries or ahead:
            if entries:
                outcomes = self._decide_some(entries)
                entries = entries[len(outcomes) :]
                over = over or self._stopping() or time.monotonic() > until or self._sinks_lag()
                ahead.append(self._send(outcomes, reads=not (over or entries)))
                if over and entries:
                    break  # `_recover` begins with them
            if len(ahead) > 1 or not entries:
                entries += self._finish(ahead.popleft())
        for batch in ahead:
            self._finish(batch)
        return over

    def _decide_some(self, entries: list[Entry]) -> list[Outcome]:
        """Decide the outcomes of the first entries: as many as are good to hold in memory."""
        outcomes: list[Outcome] = []
        made = 0
        for entry in entries:
            outcome = self._decide(entry, self._settings)
            outcomes.append(outcome)
            made += sum(len(claim.document) for claim in outcome.claims) or len(entry[1])
            if made > MADE_BYTES:
                break
        return outcomes

    def _sinks_lag(self) -> bool:
        """Return whether to leave open entries where they are until the sinks need less memory."""
        return self._headroom.nearly_full and memory_headroom.sinks_have_backlog(self._client)

    def _send(self, outcomes: list[Outcome], *, reads: bool = False) -> _Batch:
        """Send outcomes to be published and, now and then where there are sinks, a question about
        memory; with `reads` a read too, if there may be more.
        """
        commands = self._script.calls(outcomes)
        asks = bool(self._settings.sinks) and self._headroom.is_due()
        reads = reads and self._reader.more
        questions = [("INFO", "memory")] * asks + [self._reader.read()] * reads
        self._connection.send(*commands, *questions)
        return _Batch(outcomes, len(commands), asks, reads)

    def _finish(self, batch: _Batch) -> list[Entry]:
        """Wait until a batch is published; ring for the sinks and log its outcomes.

        Returns what the read with it found.
        """
        replies = [PublishReply._make(self._connection.receive()) for _ in range(batch.commands)]
        if batch.asked:
            self._headroom.told(self._connection.receive())
        rung = {number for reply in replies for number in reply.rung}
        bell.ring_rung(self._client, (self._settings.sinks[number] for number in rung))
        codes = b"".join(reply.codes for reply in replies)
        self._log.notifications([(one.notification, one.reason) for one in batch.outcomes], codes)
        if self._end_spans:
            self._end_spans(batch.outcomes, codes)
        return self._reader.entries(self._connection.receive()) if batch.reads else []

    def _recover(self, until: float) -> bool:
        """Publish what was left open, here or by a dead worker, alone and counted: one that kills
        a process must neither do so for ever nor take others with it. Returns whether time is up.
        """
        while entries := self._left_over():
            for entry in entries:
                if self._stopping():
                    return True
                self._publish_alone(entry)
                if time.monotonic() > until:
                    return True
        return False

    def _left_over(self) -> list[Entry]:
        self._connection.send(*self._reader.left_over())
        mine = self._reader.entries(self._connection.receive())
        return mine + parse_entries(self._connection.receive())

    def _publish_alone(self, entry: Entry) -> None:
        outcome = (
            self._decide(entry, self._settings)
            if self._count_attempt(entry[0]) <= LONELY_ATTEMPTS
            else dead_letter(entry, f"the process did not survive it, {LONELY_ATTEMPTS} times")
        )
        self._survived.add(entry[0])
        try:
            self._finish(self._send([outcome]))
        except redis.ResponseError:
            with contextlib.suppress(*DOWN):  # who tries it next knows nothing of this process
                self._client.hincrby(ATTEMPTS, entry[0].decode(), -1)
                self._survived.discard(entry[0])
            raise
        self._survived.discard(entry[0])

    def _count_attempt(self, entry_id: bytes) -> int:
        """Count an attempt at one entry alone; one that ended in a Redis error counts once."""
        step = 0 if entry_id in self._survived else 1
        attempts: Any = self._client.hincrby(ATTEMPTS, entry_id.decode(), step)
        return int(attempts)
