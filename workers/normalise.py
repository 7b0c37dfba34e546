"""The job behind the inbound stream: read a batch, say what it means, make its outcomes happen."""

import itertools
import time
from collections.abc import Callable
from importlib.resources import files
from typing import Any, Final

import redis

from receiver.notification import (
    ATTEMPTS,
    BELL,
    DEAD_LETTERS,
    EVENTS,
    GROUP,
    IDENTITIES,
    INBOUND,
    LEDGER,
)
from receiver.settings import Settings
from workers import bell
from workers.outcome import Entry, Outcome, dead, outcome
from workers.pipe import Command, Pipe

BATCH: Final = 500
WORK_SECONDS: Final = 10.0
"""After this long a job ends and rings, so that RQ sees a living worker."""
LINGER_MILLISECONDS: Final = 200
"""How long a job waits for more before it ends: a steady trickle then pays for no RQ job each."""
ABANDONED_MILLISECONDS: Final = 15_000
"""Idle time after which an entry's worker counts as dead."""
LONELY_ATTEMPTS: Final = 3

_KEYS: Final = (INBOUND, EVENTS, DEAD_LETTERS, LEDGER, IDENTITIES, ATTEMPTS)


class Normaliser:
    """One worker's normalise job, run over and over; running it again at any point is safe."""

    def __init__(
        self, client: redis.Redis, consumer: str, settings: Settings, stopping: Callable[[], bool]
    ) -> None:
        self._client = client
        self._pipe = Pipe(client)
        self._consumer = consumer
        self._settings = settings
        self._stopping = stopping
        self._text = files("workers").joinpath("publish.lua").read_text("utf-8")
        self._sha = ""
        self._survived: set[bytes] = set()

    def run(self) -> None:
        """Work until the stream is empty, the time is up or a stop is asked for."""
        until = time.monotonic() + WORK_SECONDS
        self._begin()
        self._recover()
        try:
            while entries := self._wait():
                if self._work(entries, until):
                    bell.ring(self._client)
                    return
        finally:
            self._pipe.close()

    def _begin(self) -> None:
        """Clear the bell; bring script and group to a server that may have come back empty."""
        start = self._client.pipeline(transaction=False)
        start.delete(BELL)
        start.script_load(self._text)
        start.xgroup_create(INBOUND, GROUP, id="0", mkstream=True)
        _, self._sha, made = start.execute(raise_on_error=False)
        if isinstance(made, Exception) and "BUSYGROUP" not in str(made):
            raise made

    def _wait(self) -> list[Entry]:
        if self._stopping():
            return []
        self._pipe.send(self._read("BLOCK", LINGER_MILLISECONDS))
        return _entries(self._pipe.receive())

    def _work(self, entries: list[Entry], until: float) -> bool:
        """Batch after batch: while the server publishes one and reads the next, think about the
        one between. True when something may be left because it was time to stop.
        """
        self._pipe.send(self._read())
        publishing, reading, over = False, True, False
        while entries:
            outcomes = [outcome(entry, self._settings) for entry in entries]
            if publishing:
                self._published()
            entries = _entries(self._pipe.receive()) if reading else []
            over = over or self._stopping() or time.monotonic() > until
            publishing, reading = True, bool(entries) and not over
            ahead = [self._read()] if reading else []
            self._pipe.send(self._publish(outcomes), *ahead)
        self._published()
        return over

    def _published(self) -> None:
        """A batch's outcomes have happened; the sinks may have new events."""
        if self._pipe.receive()[3] and self._settings.sinks:
            bell.ring_sinks(self._client, self._settings.sinks)

    def _read(self, *options: Any) -> Command:
        group = ("GROUP", GROUP, self._consumer, "COUNT", BATCH)
        return ("XREADGROUP", *group, *options, "STREAMS", INBOUND, ">")

    def _publish(self, outcomes: list[Outcome]) -> Command:
        remember = self._settings.dedupe_hours * 3600
        told = itertools.chain.from_iterable(outcomes)
        return ("EVALSHA", self._sha, len(_KEYS), *_KEYS, GROUP, remember, *told)

    def _recover(self) -> None:
        """What this consumer, or a dead one, began and never finished: one by one, counted.

        One entry that kills the process must neither do so for ever nor take others with it.
        """
        for entry in self._left_over():
            if self._stopping():
                return
            alone = (
                outcome(entry, self._settings)
                if self._count(entry[0]) <= LONELY_ATTEMPTS
                else dead(entry, f"the process did not survive it, {LONELY_ATTEMPTS} times")
            )
            self._survived.add(entry[0])
            self._pipe.send(self._publish([alone]))
            self._published()
            self._survived.discard(entry[0])

    def _left_over(self) -> list[Entry]:
        self._pipe.send(
            (
                "XREADGROUP",
                "GROUP",
                GROUP,
                self._consumer,
                "COUNT",
                2 * BATCH,
                "STREAMS",
                INBOUND,
                "0",
            ),
            (
                "XAUTOCLAIM",
                INBOUND,
                GROUP,
                self._consumer,
                ABANDONED_MILLISECONDS,
                "0",
                "COUNT",
                BATCH,
            ),
        )
        return _entries(self._pipe.receive()) + _pairs(self._pipe.receive()[1])

    def _count(self, entry_id: bytes) -> int:
        """Begin a lonely attempt; one that ended in a Redis error, not in death, counts once."""
        step = 0 if entry_id in self._survived else 1
        attempts: Any = self._client.hincrby(ATTEMPTS, entry_id.decode(), step)
        return int(attempts)


def _entries(reply: Any) -> list[Entry]:
    """XREADGROUP of one stream, as RESP3 (a map) or RESP2 (a list of pairs) has it."""
    if not reply:
        return []
    return _pairs(next(iter(reply.values())) if isinstance(reply, dict) else reply[0][1])


def _pairs(found: Any) -> list[Entry]:
    """Id and notification; an entry that somebody deleted or wrote otherwise has an empty one."""
    return [(number, fields[1] if fields else b"") for number, fields in found]
