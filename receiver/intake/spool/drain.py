"""The drain: moves batches from the spool to Redis, in order, whenever Redis takes them."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final

import structlog

from receiver.intake.availability import Availability
from receiver.intake.group_commit import end_with_it
from receiver.intake.inbound_writer import Inbound
from receiver.intake.spool.file_set import LOOK_EVERY
from receiver.intake.spool.spool import Spool, SpoolError
from receiver.intake.spool.spool_file import Head
from receiver.intake.waiting_requests import BATCH_BYTES, BATCH_ENTRIES
from receiver.runtime.cancelling import cancel
from receiver.runtime.redis_errors import DOWN

log = structlog.get_logger()

_PAUSE: Final = 0.25
"""Seconds between two attempts while Redis takes nothing."""
_LONGEST: Final = 10.0
"""Seconds that an attempt may take: over a slow line a batch of some megabytes takes longer than
any request may wait, and what is behind it would never come."""


class Drain:
    """Drains the spool beside the intake, over a connection of its own."""

    def __init__(self, spool: Spool, inbound: Inbound, availability: Availability) -> None:
        self._spool = spool
        self._inbound = inbound
        self._availability = availability
        self.turn = asyncio.Lock()
        """Whoever has it is the only one who takes anything out of the spool."""
        self._task: asyncio.Task[None]

    def start(self) -> None:
        """Begin to drain what the spool holds and what will be added."""
        self._task = asyncio.create_task(self._drain_for_ever())
        self._task.add_done_callback(end_with_it)

    async def close(self) -> None:
        """Stop at once; what is not drained stays for the next process."""
        await cancel([self._task])
        await self._inbound.end()

    async def _drain_for_ever(self) -> None:
        while True:
            try:
                while await self._in_turn():
                    pass
            except DOWN as error:
                if isinstance(error, TimeoutError):
                    self._inbound.wait_longer(_LONGEST)
                self._stalled(type(error).__name__)
            except SpoolError as error:
                self._stalled(str(error))
            if self._spool.engaged:
                await asyncio.sleep(_PAUSE)
            else:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._spool.filled.wait(), LOOK_EVERY)

    async def _in_turn(self) -> bool:
        async with self.turn:
            return await self._drain_some()

    async def _drain_some(self) -> bool:
        """Write the next batches to Redis; return whether there are more. `Spool` says in which
        order.
        """
        file, heads = await self._spool.head()
        done: list[Head] = []
        try:
            for together in _together(heads):
                if self._availability.closed:
                    raise SpoolError(self._availability.closed)
                await self._inbound.append(*(head.batch for head in together))
                done += together
                self._spool.note_drained(len(together))
        finally:
            if done:
                await self._spool.forget(file, done)
        return bool(heads)

    def _stalled(self, reason: str) -> None:
        if reason != self._spool.stalls:
            log.warning("spool.waits", reason=reason)
        self._spool.stalled(reason)


def _together(heads: list[Head]) -> Iterator[list[Head]]:
    """Group neighbouring batches of one flusher, as many as make one of the usual size."""
    part: list[Head] = []
    entries = size = 0
    for head in heads:
        more = len(head.batch.accepted) + len(head.batch.refused)
        full = entries + more > BATCH_ENTRIES or size + head.row.size > BATCH_BYTES
        if part and (full or head.batch.flusher != part[0].batch.flusher):
            yield part
            part, entries, size = [], 0, 0
        part.append(head)
        entries, size = entries + more, size + head.row.size
    if part:
        yield part
