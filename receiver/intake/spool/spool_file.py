"""One file of the spool: batches in the order of their arrival, on disk before they are
acknowledged.

Written and read with plain calls (no memory mapping: a file that is cut short must not end the
process), only appended to, and emptied when all of it is drained. Whoever has the lock beside the
file owns it, and the kernel gives the lock back when its owner dies, so a file that a dead process
left is taken over by exactly one. A damaged row is set aside when its turn comes (`set_aside`), one
that was never finished before anything is written behind it. To erase from it, a file without that
is put in its place (`rewrite`).
"""

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from receiver.intake.inbound_writer import Batch
from receiver.intake.spool import (
    batch_body,
    changed_rows,
    damaged_rows,
    disk,
    drain_mark,
    row_format,
)
from receiver.intake.spool.changed_rows import Change, Changes
from receiver.intake.spool.depth import HEAD, START, Depth, ForeignFileError, noted, plus, summed
from receiver.intake.spool.drain_mark import Mark
from receiver.intake.spool.row_format import Row
from receiver.runtime.private_files import append, sync_directory

log = structlog.get_logger()

READ_BYTES: Final = 8 * 1024 * 1024
READ_ROWS: Final = 64


class Head(NamedTuple):
    """A batch at the beginning of a spool file, with its place."""

    row: Row
    batch: Batch


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
            opened.callback(os.close, lock)
            self._path.with_suffix(".new").unlink(missing_ok=True)  # of a `rewrite` that was killed
            self._file = disk.open_file(self._path, opened)
            self._mark = disk.open_file(self._path.with_suffix(".mark"), opened)
            self._load(drain_mark.read(self._mark))
            sync_directory(directory)  # the file's name is to survive as well
            self._opened = opened.pop_all()

    @classmethod
    def acquire(cls, directory: Path, number: int) -> "SpoolFile | None":
        """Lock and open the file of a number, created if need be; None while a living process owns
        it.

        Raises `ForeignFileError` too.
        """
        lock = disk.lock(directory / f"spool-{number}.lock")
        return None if lock is None else cls(directory, number, lock)

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
            body = batch_body.encode(batch)
            row = row_format.pack(self.size + len(data), came, len(batch.accepted), body)
            data += row
            more = plus(more, Depth(1, len(batch.accepted), len(row), came))
        append(self._file, data, self.size)
        self.size += len(data)
        self.depth = plus(self.depth, more)
        self._note()

    def head(self) -> list[Head]:
        """Return the oldest batches, as many as memory should hold; damaged rows are set aside."""
        self._notice_less()
        found: list[Head] = []
        size = 0
        for row in self._left():
            batch = self._batch(row)
            if batch is None and found:
                break  # its turn comes when these are gone
            if batch is None:
                self._set_row_aside(row)
                self._pass([row])
                continue
            found.append(Head(row, batch))
            size += row.size
            if len(found) == READ_ROWS or size > READ_BYTES:
                break
        return found

    def forget(self, heads: list[Head]) -> None:
        """Delete the oldest batches, which `heads` are; with the last one, free the disk space."""
        self._pass([head.row for head in heads])

    def changes(self, change: Change) -> Changes:
        """Return what `change` makes of the batches in it. Any thread may call it while nothing is
        drained; what is written meanwhile is not looked at.
        """
        return changed_rows.changes(((row, self._batch(row)) for row in self._left()), change)

    def rewrite(self, changes: Changes) -> None:
        """Make the changes: another file takes this one's place, so that a kill leaves one of the
        two, whole.
        """
        self._notice_less()
        generation, new = os.urandom(START - len(HEAD)), self._path.with_suffix(".new")
        try:
            with contextlib.ExitStack() as opened:
                file = disk.open_file(new, opened, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
                depth, size = changed_rows.copy(self._rows(), changes, file, HEAD + generation)
                os.fsync(file)
                new.rename(self._path)
                os.dup2(file, self._file, inheritable=False)
        except OSError:
            new.unlink(missing_ok=True)
            raise
        self._generation, self._drained, self.depth, self.size = generation, START, depth, size
        self._note()
        sync_directory(self._path.parent)

    def _left(self) -> Iterator[Row]:
        """Yield the rows that are not drained."""
        return row_format.rows(self._file, self._drained, self.size)

    def _rows(self) -> Iterator[tuple[Row, bytes]]:
        """Yield what is left in it, with bodies; damaged rows are set aside instead."""
        for row in self._left():
            body = self._body(row)
            if body is None:
                self._set_row_aside(row)
            else:
                yield row, body

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
        last = None
        if known and known.size == self.size:
            self.depth = noted(known)
        else:
            self.depth, sound, last = summed(self._left())
            if self.size and not (ours or sound or known):
                raise ForeignFileError(f"{self.name} is no file of the spool, or wholly damaged")
        lost = known.notifications - self.depth.notifications if known else 0
        if known and known.size > self.size and lost > 0:
            self.set_aside(self.name, self.size, lost, "its end was cut off", b"")
        self._cut_torn_row(last)
        self._empty_if_drained()

    def _cut_torn_row(self, last: Row | None) -> None:
        """Set a last row whose end is missing aside at once: what is written behind it would be
        taken for its end, and go with it.
        """
        if last and last.fault == row_format.TORN:
            self._set_row_aside(last)
            os.ftruncate(self._file, last.place)
            self.size = last.place
            self.depth, *_ = summed(self._left())

    def _notice_less(self) -> None:
        """Notice that somebody has cut the file short: count and report what is gone from it."""
        size = os.fstat(self._file).st_size
        if size < self.size:
            self._load(self._now(), certain=True)
        elif size > self.size:  # what a failed write may have left
            os.ftruncate(self._file, self.size)

    def _batch(self, row: Row) -> Batch | None:
        body = self._body(row)
        return None if body is None else batch_body.decode(body)

    def _body(self, row: Row) -> bytes | None:
        """Return the body of a row; None of a damaged one, which may be shorter than a head."""
        body = b"" if row.fault else self._read(*row.body)
        return body if not row.fault and row_format.sound(row, body) else None

    def _set_row_aside(self, row: Row) -> None:
        data = self._read(row.place, row.size)
        fault = row.fault or "its body"
        self.set_aside(self.name, row.place, row.notifications, fault, data)

    def _pass(self, rows: list[Row]) -> None:
        self._drained = rows[-1].end
        left = next(self._left(), None)
        gone = sum(row.notifications for row in rows)
        self.depth = Depth(
            max(0, self.depth.batches - len(rows)),
            max(0, self.depth.notifications - gone),
            self.size - self._drained,
            left.at or self.depth.oldest if left else None,
        )
        self._empty_if_drained()

    def _empty_if_drained(self) -> None:
        """Empty a drained file, its mark first: by an outdated one its rows would count as lost."""
        if self._drained < self.size:
            self._note()
            return
        self._generation = os.urandom(START - len(HEAD))
        size, self.size, self._drained, self.depth = self.size, 0, START, Depth()
        self._note()
        if size:
            os.fsync(self._mark)
            os.ftruncate(self._file, 0)

    def _now(self) -> Mark:
        depth, oldest = self.depth, self.depth.oldest or 0
        left = (depth.batches, depth.notifications, oldest)
        return Mark(self._generation, self._drained, self.size, *left)

    def _note(self) -> None:
        with contextlib.suppress(OSError):  # a full disk: the mark is a help, not the truth
            drain_mark.write(self._mark, self._now())

    def _read(self, place: int, size: int) -> bytes:
        return os.pread(self._file, size, place)
