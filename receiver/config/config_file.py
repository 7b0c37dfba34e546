"""Reading `receiver.toml`: in any editor's encoding, and of bounded size."""

import os
import stat
from pathlib import Path
from typing import Final

LARGEST: Final = 1024**2
"""Bytes; ten thousand sinks need less."""


def text(path: Path) -> str:
    """Return the text of the file. Raises `OSError`, and `ValueError` with what is wrong."""
    try:
        return octets(path, LARGEST).decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8: save it as UTF-8") from None


def octets(path: Path, most: int) -> bytes:
    """Return the bytes of a file that may have so many. Raises `OSError`, and `ValueError` with
    what is wrong.
    """
    # Opening a pipe would wait for somebody to write.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISCHR(mode)):  # /dev/null is one that says nothing
            raise ValueError("a file is wanted, which can be read more than once")
        found = file.read(most + 1) or b""
    if len(found) > most:
        raise ValueError(f"it has more than {most} bytes")
    return found
