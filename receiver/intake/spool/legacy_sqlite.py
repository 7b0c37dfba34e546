"""Spool files of older versions, in SQLite: their content is moved into a current file, once.

They lie in RECEIVER_SPOOL_DIR itself, and whoever has the lock beside one owns it, as ever. Read
with SQLite's lock held for all the time: then it maps nothing into memory.
"""

import contextlib
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from receiver.intake.inbound_writer import Batch
from receiver.intake.spool import disk
from receiver.intake.spool.depth import Depth
from receiver.intake.spool.spool_file import SpoolFile

_PART: Final = 64
"""Batches that are written at once."""
_COLUMNS: Final = "SELECT place, flusher, number, at, entries FROM batch"
_READ: Final = f"{_COLUMNS} ORDER BY place"
_ONE: Final = f"{_COLUMNS} WHERE place = ?"
_BACK: Final = f"{_COLUMNS} WHERE place > ? ORDER BY place DESC"
_DEPTH: Final = (
    "SELECT count(*), ifnull(sum(notifications), 0), ifnull(sum(bytes), 0), min(at) FROM batch"
)
_decode = msgspec.msgpack.Decoder(tuple[list[bytes], list[bytes]]).decode


def files(directory: Path) -> Iterator[Path]:
    """Yield the spool files of older versions in a directory that may hold others' files too."""
    for path in sorted(directory.glob("spool-*.sqlite3")):
        try:
            about = path.lstat()
        except FileNotFoundError:
            continue  # another process has moved it meanwhile
        named = path.stem.removeprefix("spool-").isdecimal()
        if named and stat.S_ISREG(about.st_mode) and about.st_uid == os.geteuid():
            yield path


def depth(path: Path) -> Depth:
    """Return the depth of a file, whoever owns it. Raises `sqlite3.Error`."""
    address = f"{path.resolve().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True)) as db:
        return Depth(*db.execute(_DEPTH).fetchone())


def move(path: Path, new: Callable[[], SpoolFile]) -> None:
    """Move the content of an old file into a new one, unless a living process of that version owns
    it.

    What cannot be read is set aside, and a file that cannot be read to its end is kept under a name
    of its own. Raises `OSError` and `sqlite3.Error`, and then the file stays what it was.
    """
    lock = disk.lock(path.with_suffix(".lock"))
    if lock is None:
        return
    try:
        into = new()
        if _move(path, into):
            _each(path, lambda part: part.unlink(missing_ok=True))
        else:
            now = time.time_ns()
            _each(path, lambda part: part.rename(f"{part}.{now}.damaged"))
    finally:
        os.close(lock)


def _each(path: Path, do: Callable[[Path], object]) -> None:
    for rest in ("", "-wal", "-shm"):
        part = path.with_name(path.name + rest)
        if part.exists():
            do(part)


def _move(path: Path, into: SpoolFile) -> bool:
    """Move what can be read of a file; return whether that was all of it."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=1)) as db:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        last, fault = _write(db, _READ, [()], path, into)
        if fault is None or "no such table" in str(fault):  # it was made, and nothing came
            return True
        if "locked" in str(fault) or "not a database" in str(fault):
            raise fault
        behind = [(place,) for place in _from_the_end(db, last)]
        _write(db, _ONE, reversed(behind), path, into)
        into.set_aside(path.name, last, 1, "it cannot be read to its end: kept beside", b"")
        return False


def _from_the_end(db: sqlite3.Connection, last: int) -> Iterator[int]:
    """Yield the places behind the damage, the last one first."""
    with contextlib.suppress(sqlite3.DatabaseError):
        for place, *_ in db.execute(_BACK, (last,)):
            yield place


def _write(
    db: sqlite3.Connection,
    query: str,
    arguments: Iterable[tuple[int, ...]],
    path: Path,
    into: SpoolFile,
) -> tuple[int, sqlite3.DatabaseError | None]:
    """Write the rows of a query; return the place of the last one, and what stopped the query."""
    part: list[tuple[int, Batch]] = []
    last, fault = 0, None
    try:
        for place, at, batch, entries in _rows(db, query, arguments):
            last = place
            if batch is None:
                into.set_aside(path.name, place, 1, "its body", entries)
                continue
            part.append((at, batch))
            if len(part) == _PART:
                into.write(*(one for _, one in part), at=[at for at, _ in part])
                part = []
    except sqlite3.DatabaseError as error:
        fault = error
    if part:
        into.write(*(one for _, one in part), at=[at for at, _ in part])
    return last, fault


def _rows(
    db: sqlite3.Connection, query: str, arguments: Iterable[tuple[int, ...]]
) -> Iterator[tuple[int, int, Batch | None, bytes]]:
    for some in arguments:
        for place, flusher, number, at, entries in db.execute(query, some):
            data = entries if isinstance(entries, bytes) else str(entries).encode()
            try:
                batch = msgspec.convert((flusher, number, *_decode(data)), Batch)
                yield place, at if isinstance(at, int) else 0, batch, data
            except msgspec.DecodeError:
                yield place, 0, None, data
