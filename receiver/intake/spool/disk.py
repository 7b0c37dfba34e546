"""Files of the spool on the disk: opened without following links, and locked.

Every function may raise `OSError`.
"""

import contextlib
import fcntl
import os
from pathlib import Path


def open_file(path: Path, opened: contextlib.ExitStack, flags: int = os.O_RDWR | os.O_CREAT) -> int:
    """Open a file of ours, created if need be, until `opened` is closed."""
    file = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    opened.callback(os.close, file)
    return file


def lock(path: Path) -> int | None:
    """Return a file, created if need be, that is locked; None while a living process has it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        if isinstance(error, BlockingIOError):
            return None
        raise
    return file
