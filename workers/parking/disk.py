"""Small dealings with the disk: locks, and names that are free."""

import errno
import itertools
import os
from pathlib import Path


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
