"""The requests that wait to be stored: a bounded queue in order of arrival, each with a
deadline.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

ACKNOWLEDGE_WITHIN: Final = 1.7
"""Seconds a waiter waits: some senders give up after 2 s, and the rest is margin."""
BATCH_ENTRIES: Final = 512
BATCH_BYTES: Final = 4 * 1024 * 1024
WAITING_ENTRIES: Final = 8192
WAITING_BYTES: Final = 64 * 1024 * 1024
_LOOK_EVERY: Final = 0.01


class Unavailable(Exception):
    """The entries could not be made durable in time; the sender is asked to retry."""


class Overloaded(Exception):
    """The queue is full."""


OnDone = Callable[[Unavailable | None], None]
"""Called once with the outcome: None when the entries are durable, else why not. Must not raise."""


class WaitingRequest:
    """The entries of one request, its deadline, and the callback for the outcome."""

    __slots__ = ("_on_done", "accepted", "deadline", "refused", "settled", "size")

    def __init__(
        self, accepted: list[bytes], refused: list[bytes], deadline: float, on_done: OnDone
    ) -> None:
        self.accepted = accepted
        self.refused = refused
        self.deadline = deadline
        self.settled = False
        self.size = sum(map(len, accepted)) + (sum(map(len, refused)) if refused else 0)
        self._on_done = on_done

    def settle(self, failure: Unavailable | None) -> None:
        """Call back with the outcome, unless the deadline has passed before."""
        if not self.settled:
            self.settled = True
            self._on_done(failure)


class WaitingRequests:
    """A queue of requests that drops those whose deadline has passed. For one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop  # kept: asking for it shows in a profile
        self._queue: deque[WaitingRequest] = deque()
        self._entries = 0
        self._bytes = 0
        self._came: asyncio.Future[None] | None = None
        self.flying: list[WaitingRequest] = []
        """Those taken last; they expire like the others."""

    def add(self, accepted: list[bytes], refused: list[bytes], on_done: OnDone) -> None:
        """Add a request at the end of the queue. Raises `Overloaded`."""
        if self._entries >= WAITING_ENTRIES or self._bytes >= WAITING_BYTES:
            raise Overloaded
        deadline = self._loop.time() + ACKNOWLEDGE_WITHIN
        waiter = WaitingRequest(accepted, refused, deadline, on_done)
        self._queue.append(waiter)
        self._entries += len(accepted) + len(refused)
        self._bytes += waiter.size
        if self._came and not self._came.done():
            self._came.set_result(None)

    async def any_waiting(self) -> None:
        """Return when a request waits. For one caller at a time."""
        while not self._queue:
            self._came = self._loop.create_future()
            await self._came

    def next_batch(self) -> list[WaitingRequest]:
        """Remove and return the first request, and as many more as fit a batch; one request's
        entries stay together.
        """
        self.flying = []
        entries = size = 0
        while self._queue:
            waiter = self._queue[0]
            entries += len(waiter.accepted) + len(waiter.refused)
            size += waiter.size
            if self.flying and (entries > BATCH_ENTRIES or size > BATCH_BYTES):
                break
            self.flying.append(self._leave())
        return self.flying

    def expire(self) -> None:
        """Refuse the requests whose deadline has passed. They are in order, so only the first needs
        a check.
        """
        now = self._loop.time()
        while self._queue and self._queue[0].deadline <= now:
            self._leave().settle(Unavailable("not durable in time"))
        for waiter in self.flying:
            if waiter.deadline <= now:
                waiter.settle(Unavailable("not durable in time"))

    async def all_done(self) -> None:
        """Return when every request has its outcome."""
        while self._queue or not all(waiter.settled for waiter in self.flying):  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_EVERY)  # once, at the end: not worth an event per waiter

    def _leave(self) -> WaitingRequest:
        waiter = self._queue.popleft()
        self._entries -= len(waiter.accepted) + len(waiter.refused)
        self._bytes -= waiter.size
        return waiter
