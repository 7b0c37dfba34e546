"""The job behind the inbound stream: read a batch, say what it means, make its outcomes happen."""

import itertools
import time
from collections.abc import Callable
from importlib.resources import files
from typing import Any, Final

import redis
import structlog
from redis.exceptions import ResponseError
from rq.timeouts import BaseTimeoutException

from receiver.carriers import CALLBACKS
from receiver.carriers.callback import Unreadable
from receiver.notification import (
    ATTEMPTS,
    BELL,
    DEAD_LETTERS,
    EVENTS,
    GROUP,
    IDENTITIES,
    INBOUND,
    LEDGER,
    DeadLetter,
    decode_notification,
    encode,
)
from receiver.settings import Settings
from workers import bell
from workers.event import claim

log = structlog.get_logger()

BATCH: Final = 500
WORK_SECONDS: Final = 10.0
"""After this long a job ends and rings, so that RQ sees a living worker."""
LINGER_MILLISECONDS: Final = 200
"""How long a job waits for more before it ends: a steady trickle then pays for no RQ job each."""
ABANDONED_MILLISECONDS: Final = 15_000
"""Idle time after which an entry's worker counts as dead."""
LONELY_ATTEMPTS: Final = 3

_CALLBACKS: Final = {callback.name: callback for callback in CALLBACKS}

Entry = tuple[bytes, dict[bytes, bytes]]
"""Inbound stream id and fields."""
Outcome = list[Any]
"""What `publish.lua` takes for one entry: id, number of events, then events or a dead letter."""


class Normaliser:
    """One worker's normalise job, run over and over; running it again at any point is safe."""

    def __init__(
        self, client: redis.Redis, consumer: str, settings: Settings, stopping: Callable[[], bool]
    ) -> None:
        self._client = client
        self._consumer = consumer
        self._settings = settings
        self._stopping = stopping
        self._script = client.register_script(
            files("workers").joinpath("publish.lua").read_text("utf-8")
        )
        self._survived: set[bytes] = set()

    def run(self) -> None:
        """Work until the stream is empty, the time is up or a stop is asked for."""
        until = time.monotonic() + WORK_SECONDS
        self._client.delete(BELL)
        self._recover()
        while not self._stopping() and time.monotonic() < until:
            entries = self._read()
            if not entries:
                return
            self._publish([self._outcome(entry) for entry in entries])
        bell.ring(self._client)

    def _read(self) -> list[Entry]:
        found: Any = self._on_the_stream(
            lambda: self._client.xreadgroup(
                GROUP, self._consumer, {INBOUND: ">"}, count=BATCH, block=LINGER_MILLISECONDS
            )
        )
        return found[0][1] if found else []

    def _on_the_stream(self, read: Callable[[], Any]) -> Any:
        """A server that came back empty has no group: make it and read again."""
        try:
            return read()
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            self._client.xgroup_create(INBOUND, GROUP, id="0", mkstream=True)
            return read()

    def _recover(self) -> None:
        """What this consumer, or a dead one, began and never finished: one by one, counted.

        One entry that kills the process must neither do so for ever nor take others with it.
        """
        for entry in self._left_over():
            if self._stopping():
                return
            attempt = self._count(entry[0])
            outcome = (
                self._outcome(entry)
                if attempt <= LONELY_ATTEMPTS
                else _dead(entry, f"the process did not survive it, {LONELY_ATTEMPTS} times")
            )
            self._survived.add(entry[0])
            self._publish([outcome])
            self._survived.discard(entry[0])

    def _left_over(self) -> list[Entry]:
        mine: Any = self._on_the_stream(
            lambda: self._client.xreadgroup(GROUP, self._consumer, {INBOUND: "0"}, count=BATCH)
        )
        entries: list[Entry] = mine[0][1] if mine else []
        cursor: Any = b"0-0"
        while len(entries) < 2 * BATCH:
            cursor, claimed, *_ = self._client.xautoclaim(
                INBOUND, GROUP, self._consumer, ABANDONED_MILLISECONDS, cursor, count=BATCH
            )
            entries += claimed
            if cursor == b"0-0":
                break
        return entries

    def _count(self, entry_id: bytes) -> int:
        """Begin a lonely attempt; one that ended in a Redis error, not in death, is taken back."""
        step = 0 if entry_id in self._survived else 1
        attempts: Any = self._client.hincrby(ATTEMPTS, entry_id.decode(), step)
        return int(attempts)

    def _outcome(self, entry: Entry) -> Outcome:
        """Say what one entry means. Never raises: what fails is a dead letter with its reason."""
        try:
            notification = decode_notification(entry[1][b"n"])
            callback = _CALLBACKS[notification.callback]
            zone = self._settings.zone(notification.listener)
            events = callback.normalise(notification, zone)
            claims = [claim(callback, notification, event, i) for i, event in enumerate(events)]
            return [entry[0], len(claims), *itertools.chain.from_iterable(claims)]
        except Unreadable as error:
            return _dead(entry, str(error))
        except BaseTimeoutException:
            raise  # the job's time is up, wherever it happened to be: no fault of this entry
        except Exception as error:  # noqa: BLE001 - a fault of ours may not hold back a batch
            log.error("normalise.fault", error=type(error).__name__)
            return _dead(entry, f"normalising failed: {type(error).__name__}")

    def _publish(self, outcomes: list[Outcome]) -> None:
        counts: Any = self._script(
            keys=[INBOUND, EVENTS, DEAD_LETTERS, LEDGER, IDENTITIES, ATTEMPTS],
            args=[
                GROUP,
                self._settings.dedupe_hours * 3600,
                *itertools.chain.from_iterable(outcomes),
            ],
        )
        log.debug("normalise.batch", entries=len(outcomes), counts=counts)


def _dead(entry: Entry, reason: str) -> Outcome:
    now = time.time_ns() // 1_000_000
    return [entry[0], 0, encode(DeadLetter(now, reason, (entry[1] or {}).get(b"n", b"")))]
