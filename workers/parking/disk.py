"""Small dealings with the disk: locks, names that are free, what is written for certain."""

import contextlib
import errno
import itertools
import os
from pathlib import Path

from receiver.runtime.private_files import sync_directory


def unused_name(path: Path, kind: str) -> Path:
    """Return a name for a file that is kept: nothing of that name is there yet."""
    for number in itertools.count(1):
        found = path.with_name(f"{path.name}.{f'{number}.' if number > 1 else ''}{kind}")
        if not found.exists():
            break
    return found


def open_lock(path: Path) -> int:
    """Open the file that is locked. On a disk that may only be read one that is there will do."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW)


def write(path: Path, data: bytes) -> None:
    """Write a file that nobody else may read, and return when it is on disk. Raises `OSError`."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(file, "wb") as opened:
        opened.write(data)
        opened.flush()
        os.fsync(file)


def replace(path: Path, data: bytes) -> None:
    """Have a file hold these bytes instead, all or none of them, on disk. Raises `OSError`."""
    new = path.with_name(f"{path.name}.new")
    try:
        write(new, data)
        new.rename(path)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink()  # a full disk needs its room
        raise
    sync_directory(path.parent)
