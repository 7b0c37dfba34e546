"""Group commit: requests that arrive while a write is under way share the next one.

One task owns the connection, so no client's disconnect and no cancelled request can touch it. Each
batch has a number that the script remembers: whatever is repeated, or applied late by a server that
had frozen, is appended once.
"""

import asyncio
import itertools
import secrets
import signal
from collections import deque
from collections.abc import Callable
from importlib.resources import files
from typing import Final

import structlog
from redis.exceptions import NoScriptError, OutOfMemoryError, ReadOnlyError

from receiver.connection import DOWN
from receiver.link import Link
from receiver.notification import BELL, INBOUND, LEDGER, REJECTED

log = structlog.get_logger()

ACKNOWLEDGE_WITHIN: Final = 1.7
"""Seconds a waiter waits: some senders give up after 2 s, and the rest is margin."""
BATCH_ENTRIES: Final = 512
BATCH_BYTES: Final = 4 * 1024 * 1024
WAITING_ENTRIES: Final = 8192
WAITING_BYTES: Final = 64 * 1024 * 1024
REJECTED_KEPT: Final = 10_000
BELL_MILLISECONDS: Final = 5_000
"""How long a bell nobody answered keeps others from ringing; the sweep is as frequent."""
_TICK: Final = 0.05
_PAUSE: Final = 0.05

_REFUSED = (OutOfMemoryError, ReadOnlyError)
"""The server said no: nothing was written and asking again at once changes nothing."""


class Unavailable(Exception):
    """It could not be made durable in time; the sender is told to come again."""


class Overloaded(Exception):
    """More is waiting than may wait."""


class _Waiter:
    """One request's entries and the future its handler waits on."""

    __slots__ = ("accepted", "deadline", "done", "refused", "size")

    def __init__(
        self,
        accepted: list[bytes],
        refused: list[bytes],
        deadline: float,
        done: "asyncio.Future[None]",
    ) -> None:
        self.accepted = accepted
        self.refused = refused
        self.deadline = deadline
        self.done = done
        self.size = sum(map(len, accepted)) + sum(map(len, refused))


class Intake:
    """The durable hand-over: what `keep` was given is in Redis and fsynced once it is done."""

    def __init__(self, link: Link, ring: Callable[[], None]) -> None:
        self._link = link
        self._ring = ring
        self._key = f"receiver:flusher:{secrets.token_hex(8)}"
        self._numbers = itertools.count(1)
        self._queue: deque[_Waiter] = deque()
        self._flying: list[_Waiter] = []
        self._entries = 0
        self._bytes = 0
        self._loop: asyncio.AbstractEventLoop
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.accepted = 0
        """What the ledger said after the last write."""

    def start(self) -> None:
        """Begin to write; call it once, on the event loop that will serve."""
        self._loop = asyncio.get_running_loop()  # kept: asking for it shows in a profile
        for task in (self._flush_for_ever(), self._expire_for_ever()):
            self._tasks.append(self._loop.create_task(task))
            self._tasks[-1].add_done_callback(_end_with_it)

    def keep(self, accepted: list[bytes], refused: list[bytes]) -> "asyncio.Future[None]":
        """Take notifications and refusals of one request, to be written together.

        Await the future: it is done when they are durable and raises `Unavailable` if that did not
        happen in time. Raises `Overloaded` at once when too much is waiting.
        """
        if self._entries >= WAITING_ENTRIES or self._bytes >= WAITING_BYTES:
            raise Overloaded
        waiter = _Waiter(
            accepted, refused, self._loop.time() + ACKNOWLEDGE_WITHIN, self._loop.create_future()
        )
        self._queue.append(waiter)
        self._entries += len(accepted) + len(refused)
        self._bytes += waiter.size
        self._wake.set()
        return waiter.done

    async def close(self) -> None:
        """Write what is waiting, or let it expire, then stop."""
        waiting = [waiter.done for waiter in (*self._flying, *self._queue)]
        await asyncio.gather(*waiting, return_exceptions=True)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._link.end()

    async def _flush_for_ever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                self._flying = self._take()
                failure = await self._write(next(self._numbers), self._flying)
                _settle(self._flying, failure)
                self._flying = []

    def _take(self) -> list[_Waiter]:
        """At least one waiter, then as many as fit; one request's entries are never parted."""
        batch: list[_Waiter] = []
        entries = size = 0
        while self._queue:
            waiter = self._queue[0]
            entries += len(waiter.accepted) + len(waiter.refused)
            size += waiter.size
            if batch and (entries > BATCH_ENTRIES or size > BATCH_BYTES):
                break
            batch.append(self._leave())
        return batch

    def _leave(self) -> _Waiter:
        waiter = self._queue.popleft()
        self._entries -= len(waiter.accepted) + len(waiter.refused)
        self._bytes -= waiter.size
        return waiter

    async def _write(self, number: int, batch: list[_Waiter]) -> Unavailable | None:
        """Try under the same number until it is written or nobody waits for it any more."""
        accepted = [entry for waiter in batch for entry in waiter.accepted]
        refused = [entry for waiter in batch for entry in waiter.refused]
        keys = [INBOUND, REJECTED, LEDGER, BELL, self._key]
        args = [number, BELL_MILLISECONDS, REJECTED_KEPT, len(accepted), *accepted, *refused]
        while any(not waiter.done.done() for waiter in batch):
            try:
                _, rang, self.accepted = await self._link.run(keys, args)
            except NoScriptError:
                continue
            except _REFUSED as error:
                return Unavailable(type(error).__name__)
            except DOWN:
                await asyncio.sleep(_PAUSE)
                continue
            if rang:
                self._ring()
            return None
        return Unavailable("nobody waits any more")

    async def _expire_for_ever(self) -> None:
        """Waiters stand in order of their deadlines, so only the heads need a look."""
        while True:
            await asyncio.sleep(_TICK)
            now = self._loop.time()
            while self._queue and self._queue[0].deadline <= now:
                _fail(self._leave())
            for waiter in self._flying:
                if waiter.deadline <= now:
                    _fail(waiter)


def _end_with_it(task: "asyncio.Task[None]") -> None:
    """A process without its flusher would only refuse: end it, so that a fresh one takes over."""
    if not task.cancelled():
        log.critical("intake.broken", exc_info=task.exception())
        signal.raise_signal(signal.SIGTERM)


def _settle(batch: list[_Waiter], failure: Unavailable | None) -> None:
    for waiter in batch:
        if waiter.done.done():
            continue
        if failure is None:
            waiter.done.set_result(None)
        else:
            waiter.done.set_exception(failure)


def _fail(waiter: _Waiter) -> None:
    if not waiter.done.done():
        waiter.done.set_exception(Unavailable("not durable in time"))


def script() -> str:
    """The script a `Link` of an `Intake` runs."""
    return files("receiver").joinpath("append.lua").read_text("utf-8")
