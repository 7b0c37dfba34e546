"""The spool: notifications are kept on the local disk while Redis cannot take them.

Why nothing in it is lost or comes out twice:

- A batch that was tried on Redis, perhaps with success, goes into the spool under the flusher and
  number that it was tried under, and is drained under them. Redis remembers the last number of each
  flusher for thirty days from its last write, so of a copy that a thawing server applies late, a
  copy whose reply was lost, and the copy from the spool, the first one counts. A spool that is
  drained later than that (a machine that was away for a month) may repeat the one batch whose fate
  was unknown; it never loses it.
- That rule needs a flusher's numbers in order. So while the spool holds anything, new batches go
  behind it, what is drained goes down in order in one script, and the next only after Redis has
  answered for it (of two under way the first could fail, and the second would hide it). Where new
  ones cannot go behind it (its disk is full), the intake goes on as a new flusher.
- A batch is deleted after Redis has answered for it. A process that is killed between the two
  leaves it, and the next one drains it again, under its old number: nothing happens.
- A server that thaws after the drain finds its copies' numbers taken. One that was replaced by
  another master meanwhile is told by Sentinel to forget what it alone knows.
- Files outlive their process. The next one takes over what no living process has locked, its own
  number first, so that fewer processes than before leave nothing behind.
- A damaged row is set aside and the others go on. A file that was removed, moved or replaced under
  its process gets no more batches: it is drained as long as the process lives, and a new one is
  begun in its place, for what is acknowledged must be found by the next process.

Order: what one process took is published in the order in which it came. Between processes, as
without a spool, there is none.
"""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from receiver.config.settings import SettingsError
from receiver.intake.inbound_writer import Batch
from receiver.intake.spool import location
from receiver.intake.spool.changed_rows import Change, Changes
from receiver.intake.spool.depth import Depth
from receiver.intake.spool.file_set import Files
from receiver.intake.spool.spool_file import Head, SpoolFile

ADVANCE: Final = 4
"""Batches that are drained for one that comes, so that the spool becomes empty under any load."""

T = TypeVar("T")


class SpoolError(Exception):
    """The disk failed to write or read a batch."""


class Spool:
    """The spool of one process, for its event loop; files are read and written in a thread of its
    own.

    It takes `most` bytes.
    """

    def __init__(self, directory: Path, most: int) -> None:
        self._directory = directory
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._files = Files(directory, most)
        self._writing = 0
        self._held: Counter[str] = Counter()
        self._empty = True
        self.filled = asyncio.Event()
        """Set when there is something to drain."""
        self.flowing = False
        """Whether the last attempt to drain succeeded."""
        self.stalls = ""
        """Why it did not."""
        self._gone = 0
        self._moved = asyncio.Event()

    async def start(self) -> None:
        """Open a file of our own, and those that ended processes left. Raises `SettingsError`."""
        try:
            await self._do(self._files.open)
        except SpoolError as error:
            raise SettingsError(location.unusable(self._directory, str(error))) from None
        self._note()

    async def close(self) -> None:
        """Close the files; what is in them stays for the next process."""
        await self._do(self._files.close)
        self._thread.shutdown()

    @property
    def depth(self) -> Depth:
        """Return what the spool holds now."""
        return self._files.depth

    @property
    def trouble(self) -> str:
        """Return why the spool would take no batch now; empty while it does."""
        return self._files.full or self._files.refused

    @property
    def damaged(self) -> dict[str, int]:
        """Return file -> how many damaged notifications, at least, are set aside in it."""
        return self._files.damaged

    @property
    def unreadable(self) -> dict[str, str]:
        """Return file -> why it cannot be read."""
        return self._files.unreadable

    @property
    def engaged(self) -> bool:
        """Return whether the spool holds anything, so that new batches have to go behind it."""
        return self._writing > 0 or not self._empty

    def holds(self, flusher: str) -> bool:
        """Return whether batches of a flusher wait in the spool."""
        return self._held[flusher] > 0

    async def drained(self, within: float) -> bool:
        """Return whether the spool is empty, after waiting until it is or the drain has moved some
        batches.

        Does not wait while nothing can be drained, nor longer than `within`.
        """
        until = self._gone + ADVANCE
        try:
            async with asyncio.timeout(within):
                while self.engaged and self.flowing and self._gone < until:
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            return False
        return not self.engaged

    def note_drained(self, batches: int) -> None:
        """Note that so many more batches are in Redis. For the drain to call."""
        self.flowing, self.stalls = True, ""
        self._gone += batches
        self._moved.set()

    def stalled(self, reason: str) -> None:
        """Note why Redis or the disk cannot take part now. For the drain to call."""
        self.flowing, self.stalls = False, reason
        self._moved.set()

    async def write(self, batch: Batch) -> None:
        """Write a batch, and return when it is on disk. Raises `SpoolError`."""
        self._writing += 1
        try:
            await self._do(lambda: self._files.write(batch))
            self._held[batch.flusher] += 1
        finally:
            self._writing -= 1
            self._note()

    async def head(self) -> tuple[SpoolFile, list[Head]]:
        """Return the oldest batches, all of one file, and that file. Raises `SpoolError`."""
        try:
            return await self._do(self._files.head)
        finally:
            self._note()  # what was damaged is in it no more

    async def forget(self, file: SpoolFile, heads: list[Head]) -> None:
        """Delete the oldest batches of a file, which are in Redis now. Raises `SpoolError`."""
        await self._do(lambda: self._files.forget(file, heads))
        for head in heads:
            self._held[head.batch.flusher] -= 1
        self._held += Counter()  # forgets what is not above zero
        self._note()

    async def rewrite(self, change: Change, *, dry_run: bool = False) -> AsyncIterator[Changes]:
        """Apply `change` to every batch, and yield the changes of each file once they are on disk;
        with `dry_run` what would change. Only while nothing is drained. Raises `SpoolError`.
        """
        for file in self._files.held:
            # Beside the thread that writes, which only appends: to read it all takes a while.
            try:
                changes = await asyncio.to_thread(file.changes, change)
            except OSError as error:
                raise SpoolError(error.strerror or str(error)) from error
            if changes.batches and not dry_run:
                await self._do(partial(file.rewrite, changes))
                self._note()
            yield changes

    @property
    def names(self) -> list[str]:
        """Return the names of the files that this process has."""
        return [file.name for file in self._files.held]

    def _note(self) -> None:
        self._empty = self.depth.batches == 0
        if self._empty:
            self._held.clear()  # whatever became of them, it holds them no more
            self.filled.clear()
        else:
            self.filled.set()
        self._moved.set()

    async def _do(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, work)
        except (OSError, ValueError, sqlite3.Error) as error:
            raise SpoolError(getattr(error, "strerror", None) or str(error)) from error
