"""Damaged rows of the spool, set aside for a person to look at: nothing is deleted.

One file beside each spool file, `spool-N.damaged`, in rows of the same form; the body is msgpack:
[file, place, what is wrong, the bytes as they were]. How many there are is what the files say, so
that it is over when somebody has moved them away.
"""

import contextlib
import os
from pathlib import Path

import msgspec

from receiver.intake.spool import disk, row_format
from receiver.runtime.private_files import append


def keep(path: Path, file: str, place: int, notifications: int, fault: str, data: bytes) -> None:
    """Write a damaged row to the file beside its spool file, and return when it is on disk.
    `notifications` is how many it held, at least. Raises `OSError`.
    """
    body = msgspec.msgpack.encode((file, place, fault, data))
    with contextlib.ExitStack() as opened:
        kept = disk.open_file(path, opened)
        end = os.fstat(kept).st_size
        append(kept, row_format.pack(end, 0, notifications, body), end)


def count(path: Path) -> int:
    """Return how many notifications are set aside in a file, at least. Raises `OSError`."""
    with path.open("rb", buffering=0) as kept:
        size = os.fstat(kept.fileno()).st_size
        found = row_format.rows(kept.fileno(), 0, size)
        return sum(max(1, row.notifications) for row in found)
