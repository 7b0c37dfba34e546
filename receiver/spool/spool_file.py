"""One file of the spool: numbered batches in SQLite, on disk before anybody is told so.

Write-ahead log and `synchronous=FULL`: what `write` returned from survives a SIGKILL and a power
cut. Whoever has the lock beside the file owns it, and the kernel gives the lock back when its owner
dies, so a file that a dead process left is taken over by exactly one.
"""

import contextlib
import fcntl
import os
import sqlite3
import time
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from receiver.commit.inbound import Batch

READ_BYTES: Final = 8 * 1024 * 1024
READ_ROWS: Final = 64
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS batch (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    flusher TEXT NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,      -- milliseconds since 1970
    notifications INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    entries BLOB NOT NULL     -- msgpack: [accepted, refused]
)
"""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[list[bytes], list[bytes]]).decode


class Depth(NamedTuple):
    """How much a file, or the spool, holds."""

    batches: int = 0
    notifications: int = 0
    bytes: int = 0
    oldest: int | None = None
    """When its oldest batch came: milliseconds since 1970."""


class Row(NamedTuple):
    """A batch in its place."""

    place: int
    size: int
    batch: Batch


class SpoolFile:
    """Use it from one thread. Every method may raise `OSError` or `sqlite3.Error`."""

    def __init__(self, directory: Path, number: int, lock: int) -> None:
        path = directory / f"spool-{number}.sqlite3"
        self.number = number
        self.name = path.name
        self._path = path
        self._lock = lock
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute(_SCHEMA)
        self.depth = _depth(self._db)
        self._stat = path.stat()
        _sync(directory)  # the file's name is to survive as well

    @classmethod
    def take(cls, directory: Path, number: int) -> "SpoolFile | None":
        """The file of a number, made if need be; None while a living process has it."""
        lock = os.open(directory / f"spool-{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return cls(directory, number, lock)
        except BlockingIOError:
            os.close(lock)
            return None
        except BaseException:
            os.close(lock)
            raise

    def write(self, batch: Batch) -> None:
        """Return when it is on disk, where the next process finds it."""
        if not os.path.samestat(self._path.stat(), self._stat):  # a removed file takes writes too
            raise OSError(f"{self.name} is another one now: start `receiver web` anew")
        entries = _encode((batch.accepted, batch.refused))
        now = time.time_ns() // 1_000_000
        row = (batch.flusher, batch.number, now, len(batch.accepted), len(entries), entries)
        self._db.execute(
            "INSERT INTO batch (flusher, number, at, notifications, bytes, entries) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            row,
        )
        self.depth = plus(self.depth, Depth(1, row[3], row[4], now))

    def head(self) -> list[Row]:
        """The oldest batches, as many as are good to hold in memory."""
        found: list[Row] = []
        size = 0
        with contextlib.closing(self._db.cursor()) as cursor:
            cursor.execute("SELECT place, flusher, number, entries FROM batch ORDER BY place")
            for place, flusher, number, entries in cursor:
                found.append(Row(place, len(entries), Batch(flusher, number, *_decode(entries))))
                size += len(entries)
                if len(found) == READ_ROWS or size > READ_BYTES:
                    break
        return found

    def forget(self, rows: list[Row]) -> None:
        """Delete the oldest batches, which these are; the last one gone, give the disk back."""
        self._db.execute("DELETE FROM batch WHERE place <= ?", (rows[-1].place,))
        left = self._db.execute("SELECT at FROM batch ORDER BY place LIMIT 1").fetchone()
        if left is None:
            self.depth = Depth()
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        else:
            notifications = sum(len(row.batch.accepted) for row in rows)
            self.depth = Depth(
                max(0, self.depth.batches - len(rows)),
                max(0, self.depth.notifications - notifications),
                max(0, self.depth.bytes - sum(row.size for row in rows)),
                left[0],
            )

    def close(self) -> None:
        """Let go of file and lock; what is in it stays."""
        with contextlib.suppress(sqlite3.Error):
            self._db.close()
        os.close(self._lock)


def depth(directory: Path) -> Depth:
    """What all files of a directory hold, whoever owns them. Raises `sqlite3.Error`."""
    total = Depth()
    for path in directory.glob("spool-*.sqlite3"):
        address = f"{path.resolve().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as db:
            total = plus(total, _depth(db))
    return total


def _depth(db: sqlite3.Connection) -> Depth:
    return Depth(
        *db.execute(
            "SELECT count(*), ifnull(sum(notifications), 0), ifnull(sum(bytes), 0), min(at) "
            "FROM batch"
        ).fetchone()
    )


def plus(one: Depth, other: Depth) -> Depth:
    """Both together."""
    times = [at for at in (one.oldest, other.oldest) if at is not None]
    return Depth(
        one.batches + other.batches,
        one.notifications + other.notifications,
        one.bytes + other.bytes,
        min(times, default=None),
    )


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
