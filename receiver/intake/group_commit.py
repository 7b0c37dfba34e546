"""Group commit: requests that arrive while a write is under way share the next one.

One task owns the connection, so no client's disconnect and no cancelled request can touch it.
"""

import asyncio
import itertools
import secrets
import signal
import traceback
from collections.abc import Iterator
from typing import Final

import structlog
from redis.exceptions import ResponseError

from receiver.intake.inbound_writer import Batch, Inbound
from receiver.intake.redis_link import NotReplicated
from receiver.intake.spool.spool import Spool, SpoolError
from receiver.intake.waiting_requests import OnDone, Unavailable, WaitingRequest, WaitingRequests
from receiver.runtime.cancelling import cancel
from receiver.runtime.logs import Seldom
from receiver.runtime.redis_errors import DOWN

log = structlog.get_logger()

DRAINED_WITHIN: Final = 0.25
"""Seconds a batch waits for the drain to get on before it goes behind the others in the spool."""
_TICK: Final = 0.05
_PAUSE: Final = 0.05


class Intake:
    """The durable hand-over of accepted notifications, by one of two ways: Redis or the spool.

    It goes to Redis. What Redis does not take at once goes into the spool, if there is one; then
    everything goes there, in order, until the spool has been drained.
    """

    def __init__(self, inbound: Inbound, spool: Spool | None = None) -> None:
        self._inbound = inbound
        self._spool = spool
        self._seldom = Seldom(log)
        self._waiting: WaitingRequests
        self._tasks: list[asyncio.Task[None]] = []
        self._flusher: str
        self._numbers: Iterator[int]
        self._begin_anew()

    def start(self) -> None:
        """Begin to write; call it once, on the event loop that will serve."""
        loop = asyncio.get_running_loop()
        self._waiting = WaitingRequests(loop)
        for task in (self._flush_for_ever(), self._expire_for_ever()):
            self._tasks.append(loop.create_task(task))
            self._tasks[-1].add_done_callback(end_with_it)

    def submit(self, accepted: list[bytes], refused: list[bytes], on_done: OnDone) -> None:
        """Queue the notifications and refusals of one request, to be written together.

        `on_done` hears when they are durable, or that they were not in time. Raises `Overloaded` at
        once when too much is waiting.
        """
        self._waiting.add(accepted, refused, on_done)

    def keep(self, accepted: list[bytes], refused: list[bytes]) -> "asyncio.Future[None]":
        """Store the entries of one request and return when they are durable. Raises `Unavailable`
        if they were not durable in time.
        """
        done = asyncio.get_running_loop().create_future()

        def on_done(failure: Unavailable | None) -> None:
            if done.done():  # cancelled: nobody listens
                return
            if failure is None:
                done.set_result(None)
            else:
                done.set_exception(failure)

        self.submit(accepted, refused, on_done)
        return done

    async def close(self) -> None:
        """Write what is queued, or let it expire, then stop."""
        await self._waiting.all_done()
        await cancel(self._tasks)
        await self._inbound.end()

    async def _flush_for_ever(self) -> None:
        while True:
            await self._waiting.any_waiting()
            direct = not (self._spool and await self._spool_is_first(self._spool))
            waiters = self._waiting.next_batch()
            failure = await self._write(waiters, direct=direct)
            for waiter in waiters:
                waiter.settle(failure)

    async def _spool_is_first(self, spool: Spool) -> bool:
        """Return whether to write behind what is in the spool, so that order is kept.

        The wait lets the drain get on by some batches for each one that goes behind them.
        """
        return spool.engaged and not await spool.drained(DRAINED_WITHIN)

    async def _write(self, waiters: list[WaitingRequest], *, direct: bool) -> Unavailable | None:
        """Write as one batch, into the spool where that is first."""
        accepted = [entry for waiter in waiters for entry in waiter.accepted]
        refused = [entry for waiter in waiters for entry in waiter.refused]
        batch = Batch(self._flusher, next(self._numbers), accepted, refused)
        if not direct and await self._spooled(batch):
            return None
        if self._spool and self._spool.holds(self._flusher):
            # Its numbers in the spool are lower than any that would go past them now, and the
            # script would skip them for that.
            self._begin_anew()
            batch = Batch(self._flusher, next(self._numbers), accepted, refused)
        return await self._append(batch, waiters)

    async def _append(self, batch: Batch, waiters: list[WaitingRequest]) -> Unavailable | None:
        """Try under one number until it is written or nobody waits for it any more."""
        unanswered = False
        while not all(waiter.settled for waiter in waiters):
            try:
                await self._inbound.append(batch)
            except DOWN as error:
                if await self._spooled(batch):
                    return None
                if isinstance(error, ResponseError):  # nothing was written, nor would it be now
                    return Unavailable(type(error).__name__)
                unanswered = unanswered or isinstance(error, TimeoutError | NotReplicated)
                await asyncio.sleep(_PAUSE)
            else:
                return None
        if unanswered:
            self._inbound.give_up(batch)
        return Unavailable("nobody waits any more")

    async def _spooled(self, batch: Batch) -> bool:
        if self._spool is None:
            return False
        try:
            await self._spool.write(batch)
        except SpoolError as error:
            self._seldom.say("error", "spool.refused", reason=str(error))
            return False
        return True

    def _begin_anew(self) -> None:
        self._flusher = secrets.token_hex(8)
        self._numbers = itertools.count(1)

    async def _expire_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            self._waiting.expire()


def end_with_it(task: "asyncio.Task[None]") -> None:
    """End the process when this task ends: without it the process would refuse everything, and its
    supervisor starts a fresh one.
    """
    if not task.cancelled():
        error = task.exception()
        where = traceback.extract_tb(error.__traceback__)[-1] if error else None
        # Not the whole traceback: a renderer may show the locals, and these are notifications.
        log.critical("intake.broken", error=type(error).__name__, at=str(where))
        signal.raise_signal(signal.SIGTERM)
