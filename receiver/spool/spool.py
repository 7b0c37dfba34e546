"""The spool: where notifications wait on the local disk while Redis does not take them.

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

Order: what one process took is published in the order in which it came. Between processes, as
without a spool, there is none.
"""

import asyncio
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import structlog

from receiver.commit.inbound import Batch
from receiver.settings import SettingsError
from receiver.spool.spool_file import Depth, Row, SpoolFile, plus

log = structlog.get_logger()

SHARE_OF_FREE: Final = 0.8
"""Of what is free on the disk: a process spools less than it may where that is little."""
ADVANCE: Final = 4
"""Batches that are drained for one that comes, so that the spool becomes empty under any load."""
_ROOM: Final = 1024 * 1024
"""Bytes that have to be free at the start; its files begin with some of them."""
ADOPT_EVERY: Final = 5.0
"""Seconds between two looks for files of dead processes."""

T = TypeVar("T")


class SpoolError(Exception):
    """The disk did not take it, or did not give it back."""


class Spool:
    """One process's spool, for its event loop; SQLite works in a thread of its own.

    It takes `most` bytes.
    """

    def __init__(self, directory: Path, most: int) -> None:
        self._directory = directory
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._own: SpoolFile
        self._number = 0
        self._adopted: list[SpoolFile] = []
        self._looked = 0.0
        self._limit = most
        self._writing = 0
        self._held: Counter[str] = Counter()
        self._empty = True
        self.filled = asyncio.Event()
        """Set when there is something to drain."""
        self.flowing = False
        """Whether the last attempt to drain succeeded."""
        self._gone = 0
        self._moved = asyncio.Event()
        self.trouble = ""
        """Why the last write failed; empty while the spool takes what comes."""
        self.damaged: set[str] = set()
        """Files that are there and cannot be read: left alone, for a person to look at."""

    async def start(self) -> None:
        """Open a file, and those that dead processes left. Raises `SettingsError`."""
        try:
            await self._do(self._open)
        except SpoolError as error:
            raise SettingsError(unusable(self._directory, str(error))) from None
        self._note()

    async def close(self) -> None:
        """Let go of the files; what is in them stays for the next process."""
        for file in (*self._adopted, self._own):
            await self._do(file.close)
        self._thread.shutdown()

    @property
    def depth(self) -> Depth:
        """What is in it now."""
        total = self._own.depth
        for file in self._adopted:
            total = plus(total, file.depth)
        return total

    @property
    def engaged(self) -> bool:
        """Whether anything is in it, so that what comes now goes behind it."""
        return self._writing > 0 or not self._empty

    def holds(self, flusher: str) -> bool:
        """Whether batches of this flusher wait in it."""
        return self._held[flusher] > 0

    async def drained(self, within: float) -> bool:
        """Whether it is empty, after waiting until it is or the drain is some batches further.

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

    def went(self, batches: int) -> None:
        """So many more are in Redis. The drain's to say."""
        self.flowing = True
        self._gone += batches
        self._moved.set()

    def stalled(self) -> None:
        """Redis, or the disk, does not take part just now. The drain's to say."""
        self.flowing = False
        self._moved.set()

    async def write(self, batch: Batch) -> None:
        """Return when it is on disk. Raises `SpoolError`."""
        self._writing += 1
        try:
            await self._do(lambda: self._write(batch))
        except SpoolError as error:
            self.trouble = str(error)
            raise
        else:
            self.trouble = ""
            self._held[batch.flusher] += 1
        finally:
            self._writing -= 1
            self._note()

    async def head(self) -> tuple[SpoolFile, list[Row]]:
        """The oldest batches, all of one file, and that file. Raises `SpoolError`."""
        await self._do(self._adopt)
        file = self._adopted[0] if self._adopted else self._own
        return file, await self._do(file.head)

    async def forget(self, file: SpoolFile, rows: list[Row]) -> None:
        """They are in Redis. Raises `SpoolError`."""
        await self._do(lambda: self._forget(file, rows))
        for row in rows:
            self._held[row.batch.flusher] -= 1
        self._held += Counter()  # forgets what is not above zero
        self._note()

    def _note(self) -> None:
        self._empty = self.depth.batches == 0
        if self._empty:
            self.filled.clear()
        else:
            self.filled.set()
        self._moved.set()

    def _open(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._directory.chmod(0o700)
        while (file := self._take(self._number)) is None:
            self._number += 1
        self._own = file
        self._adopt()
        free = shutil.disk_usage(self._directory).free
        self._limit = min(self._limit, int(free * SHARE_OF_FREE))

    def _adopt(self) -> None:
        if time.monotonic() - self._looked < ADOPT_EVERY and self._looked:
            return
        self._looked = time.monotonic()
        mine = {self._own.number, *(file.number for file in self._adopted)}
        for path in self._directory.glob("spool-*.sqlite3"):
            name = path.stem.removeprefix("spool-")
            if not name.isdecimal():
                continue  # somebody's copy
            number = int(name)
            file = None if number in mine else self._take(number)
            if file is not None and file.depth.batches:
                self._adopted.append(file)
            elif file is not None:
                file.close()

    def _take(self, number: int) -> SpoolFile | None:
        """None for a file that a living process has, or that nobody can read: the door goes on."""
        try:
            return SpoolFile.take(self._directory, number)
        except sqlite3.OperationalError:
            raise  # the disk, not what is on it
        except sqlite3.DatabaseError as error:
            name = f"spool-{number}.sqlite3"
            if name not in self.damaged:
                log.critical("spool.damaged", file=name, reason=str(error))
            self.damaged.add(name)
            return None

    def _write(self, batch: Batch) -> None:
        if self._own.depth.bytes >= self._limit:
            raise OSError(f"it holds {self._limit} bytes, which is all it may")
        self._own.write(batch)

    def _forget(self, file: SpoolFile, rows: list[Row]) -> None:
        file.forget(rows)
        if file in self._adopted and not file.depth.batches:
            self._adopted.remove(file)
            file.close()

    async def _do(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, work)
        except (OSError, ValueError, sqlite3.Error, msgspec.DecodeError) as error:
            raise SpoolError(str(error)) from error


def refuse_unwritable(directory: Path) -> None:
    """Whether a spool could work there. Raises `SettingsError`."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        probe = directory / "probe"
        try:
            probe.write_bytes(bytes(_ROOM))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise SettingsError(unusable(directory, error.strerror or str(error))) from None


def unusable(directory: Path, reason: str) -> str:
    """The sentence for the operator."""
    return f"RECEIVER_SPOOL_DIR={str(directory)!r}: {reason}; a directory to write in is wanted"
