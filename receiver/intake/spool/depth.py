"""The depth of the spool, read from its files, also by processes that do not own them."""

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from receiver.intake.spool import drain_mark, row_format
from receiver.intake.spool.drain_mark import Mark
from receiver.intake.spool.row_format import Row

HEAD: Final = b"receiver"
"""What a file of the spool begins with; eight bytes of its own follow, its generation."""
START: Final = len(HEAD) + 8
"""Where the first row lies."""


LATE: Final = 60.0
"""Seconds that a notification may wait in the spool while Redis answers; a drain takes less."""


class ForeignFileError(ValueError):
    """A file has one of the spool's names and none of its content; the message is for the
    operator.
    """


class Depth(NamedTuple):
    """The number, size and age of what a file, or the spool, holds."""

    batches: int = 0
    notifications: int = 0
    bytes: int = 0
    oldest: int | None = None
    """When its oldest batch came: milliseconds since 1970."""


def age(depth: Depth) -> float:
    """Return the age of the oldest notification in seconds; 0 when there is none."""
    return max(0.0, time.time() - depth.oldest / 1000) if depth.oldest is not None else 0.0


def plus(one: Depth, other: Depth) -> Depth:
    """Return the sum of two depths."""
    times = [at for at in (one.oldest, other.oldest) if at is not None]
    return Depth(
        one.batches + other.batches,
        one.notifications + other.notifications,
        one.bytes + other.bytes,
        min(times, default=None),
    )


def summed(rows: Iterable[Row]) -> tuple[Depth, int, Row | None]:
    """Return the depth of rows, how many of them are sound as far as their heads tell, and the
    last of them.
    """
    batches = notifications = size = sound = oldest = 0
    row = None
    for row in rows:
        batches += 1
        notifications += row.notifications
        size += row.size
        sound += not row.fault
        oldest = oldest or row.at
    return Depth(batches, notifications, size, oldest or None), sound, row


def noted(known: Mark) -> Depth:
    """Return the depth that a file's mark states."""
    left = known.size - known.drained if known.batches else 0
    return Depth(known.batches, known.notifications, left, known.oldest or None)


def of_file(path: Path) -> Depth:
    """Return the depth of a file, whoever owns it. Raises `OSError` and `ForeignFileError`."""
    with path.open("rb", buffering=0) as opened:
        file = opened.fileno()
        size = os.fstat(file).st_size
        head = os.pread(file, START, 0)
        known = _known(path.with_suffix(".mark"))
        if known and known.generation != head[len(HEAD) :]:
            known = None
        if not size or (known and known.size <= size):  # its owner may be writing just now
            return noted(known) if size and known else Depth()
        drained = known.drained if known else START
        found, sound, _ = summed(row_format.rows(file, drained, size))
        if not (sound or head.startswith(HEAD)):
            raise ForeignFileError(f"{path.name} is no file of the spool, or wholly damaged")
        return found


def _known(path: Path) -> Mark | None:
    with contextlib.suppress(OSError), path.open("rb", buffering=0) as opened:
        return drain_mark.read(opened.fileno())
    return None
