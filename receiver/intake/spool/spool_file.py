"""One file of the spool: batches in the order of their arrival, on disk before they are
acknowledged.

Written and read with plain calls (no memory mapping: a file that is cut short must not end the
process), only appended to, and emptied when all of it is drained. Whoever has the lock beside the
file owns it, and the kernel gives the lock back when its owner dies, so a file that a dead process
left is taken over by exactly one. A damaged row is set aside when its turn comes (`aside`).
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import structlog

from receiver.intake.inbound_writer import Batch
from receiver.intake.spool import damaged_rows, drain_mark, row_format
from receiver.intake.spool.depth import HEAD, START, Depth, ForeignFileError, noted, plus, summed
from receiver.intake.spool.drain_mark import Mark
from receiver.intake.spool.row_format import Row

log = structlog.get_logger()

READ_BYTES: Final = 8 * 1024 * 1024
READ_ROWS: Final = 64
_Body = tuple[str, int, list[bytes], list[bytes]]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Body).decode


class Head(NamedTuple):
    """A batch at the beginning of a spool file, with its place."""

    row: Row
    batch: Batch

    @property
    def size(self) -> int:
        """Return the size of the batch in bytes."""
        return self.row.end - self.row.place


class SpoolFile:
    """One spool file, locked by its owner. Use it from one thread; every method may raise
    `OSError`.
    """

    def __init__(self, directory: Path, number: int, lock: int) -> None:
        self._path = directory / f"spool-{number}.log"
        self._aside = directory / f"spool-{number}.damaged"
        self.number = number
        self.name = self._path.name
        self.depth = Depth()
        self.size = 0
        """Bytes that it has on the disk."""
        self._drained = START
        self._generation = b""
        with contextlib.ExitStack() as opened:
            self._file = _open(self._path, opened)
            self._mark = _open(self._path.with_suffix(".mark"), opened)
            self._load(drain_mark.read(self._mark))
            _sync(directory)  # the file's name is to survive as well
            opened.callback(os.close, lock)
            self._opened = opened.pop_all()

    @classmethod
    def acquire(cls, directory: Path, number: int) -> "SpoolFile | None":
        """Lock and open the file of a number, created if need be; None while a living process owns
        it.

        Raises `ForeignFileError` too.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        lock = os.open(directory / f"spool-{number}.lock", flags, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return cls(directory, number, lock)
        except BlockingIOError:
            os.close(lock)
            return None
        except BaseException:
            os.close(lock)
            raise

    @property
    def in_place(self) -> bool:
        """Return whether the next process will find the file: a removed file takes writes too."""
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._file))
        except FileNotFoundError:
            return False

    def write(self, *batches: Batch, at: Sequence[int] = ()) -> None:
        """Write batches, and return when they are on disk; `at` is when each arrived, in
        milliseconds since 1970, if not now.
        """
        self._notice_less()
        now = time.time_ns() // 1_000_000
        data = bytearray() if self.size else bytearray(HEAD + self._generation)
        more = Depth()
        for batch, came in zip(batches, at or [now] * len(batches), strict=True):
            body = _encode(tuple(batch))
            row = row_format.pack(self.size + len(data), came, len(batch.accepted), body)
            data += row
            more = plus(more, Depth(1, len(batch.accepted), len(row), came))
        self._append(data)
        self.size += len(data)
        self.depth = plus(self.depth, more)
        self._note()

    def head(self) -> list[Head]:
        """Return the oldest batches, as many as memory should hold; damaged rows are set aside."""
        self._notice_less()
        found: list[Head] = []
        size = 0
        for row in row_format.rows(self._read, self._drained, self.size):
            batch = None if row.fault else self._batch(row)
            if batch is None and found:
                break  # its turn comes when these are gone
            if batch is None:
                self._put_aside(row)
                continue
            found.append(Head(row, batch))
            size += found[-1].size
            if len(found) == READ_ROWS or size > READ_BYTES:
                break
        return found

    def forget(self, heads: list[Head]) -> None:
        """Delete the oldest batches, which `heads` are; with the last one, free the disk space."""
        self._pass([head.row for head in heads])

    def set_aside(self, file: str, place: int, notifications: int, fault: str, data: bytes) -> None:
        """Set damaged bytes aside on disk, and log it. `notifications` is how many they held, at
        least.
        """
        damaged_rows.keep(self._aside, file, place, notifications, fault, data)
        log.critical("spool.damaged", file=file, notifications=notifications, fault=fault)

    def close(self) -> None:
        """Close file and lock; what is in the file stays."""
        self._opened.close()

    def _load(self, known: Mark | None, *, certain: bool = False) -> None:
        """Find out what is in it, against what was. Raises `ForeignFileError` unless certain."""
        self.size = os.fstat(self._file).st_size
        head = self._read(0, START)
        ours = len(head) == START and head.startswith(HEAD)
        if known and not certain and self.size >= START and known.generation != head[len(HEAD) :]:
            known = None
        self._generation = head[len(HEAD) :] if ours else os.urandom(START - len(HEAD))
        self._drained = min(known.drained, self.size) if known else START
        if known and known.size == self.size:
            self.depth = noted(known)
        else:
            self.depth, sound = summed(row_format.rows(self._read, self._drained, self.size))
            if self.size and not (ours or sound or known):
                raise ForeignFileError(f"{self.name} is no file of the spool, or wholly damaged")
        if known and known.size > self.size:
            self._miss(known.notifications - self.depth.notifications)
        self._empty_if_drained()

    def _notice_less(self) -> None:
        """Somebody cut the file short? What is gone from it is counted, and said."""
        size = os.fstat(self._file).st_size
        if size < self.size:
            self._load(self._now(), certain=True)
        elif size > self.size:  # what a failed write may have left
            os.ftruncate(self._file, self.size)

    def _miss(self, lost: int) -> None:
        if lost > 0:
            self.set_aside(self.name, self.size, lost, "its end was cut off", b"")

    def _batch(self, row: Row) -> Batch | None:
        body = self._read(*row.body)
        if not row_format.sound(row, body):
            return None
        try:
            return Batch(*_decode(body))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def _put_aside(self, row: Row) -> None:
        data = self._read(row.place, row.end - row.place)
        fault = row.fault or "its body"
        self.set_aside(self.name, row.place, row.notifications, fault, data)
        self._pass([row])

    def _pass(self, rows: list[Row]) -> None:
        self._drained = rows[-1].end
        left = next(row_format.rows(self._read, self._drained, self.size), None)
        gone = sum(row.notifications for row in rows)
        self.depth = Depth(
            max(0, self.depth.batches - len(rows)),
            max(0, self.depth.notifications - gone),
            self.size - self._drained,
            left.at or self.depth.oldest if left else None,
        )
        self._empty_if_drained()

    def _empty_if_drained(self) -> None:
        """Its mark first: one that is out of date would miss what is not there any more."""
        if self._drained < self.size:
            self._note()
            return
        self._generation = os.urandom(START - len(HEAD))
        size, self.size, self._drained, self.depth = self.size, 0, START, Depth()
        self._note()
        if size:
            os.fsync(self._mark)
            os.ftruncate(self._file, 0)

    def _append(self, data: bytes | bytearray) -> None:
        try:
            written = 0
            while written < len(data):
                written += os.pwrite(self._file, data[written:], self.size + written)
            os.fsync(self._file)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self.size)
            raise

    def _now(self) -> Mark:
        depth, oldest = self.depth, self.depth.oldest or 0
        left = (depth.batches, depth.notifications, oldest)
        return Mark(self._generation, self._drained, self.size, *left)

    def _note(self) -> None:
        with contextlib.suppress(OSError):  # a full disk: the mark is a help, not the truth
            drain_mark.write(self._mark, self._now())

    def _read(self, place: int, size: int) -> bytes:
        return os.pread(self._file, size, place)


def _open(path: Path, opened: contextlib.ExitStack, flags: int = os.O_RDWR | os.O_CREAT) -> int:
    file = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    opened.callback(os.close, file)
    return file


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
