"""Writing blocks to segment files: each is on disk before it counts."""

import contextlib
import os
from pathlib import Path
from typing import Final

from receiver.runtime.private_files import append, sync_directory

SEGMENT_BYTES: Final = 8 * 1024 * 1024
"""Bytes at which the next block begins a new file."""


def segment_name(number: int) -> str:
    """Return the name of the file whose first event has this number."""
    return f"{number:020}.segment"


class SegmentWriter:
    """Append blocks to one file of a directory, and then to the next. For one thread."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._open: tuple[str, int, int] | None = None
        """Name, descriptor and size of the file that takes the next block."""

    def append(self, number: int, data: bytes) -> tuple[str, int]:
        """Append a block, of which the first event has this number, and return once it is on disk
        in which file it is and at which place. Raises `OSError`; then nothing of it is there.
        """
        name, file, size = self._in_place() or self._begin(number)
        try:
            append(file, data, size)
        except OSError:
            self.close()
            raise
        self._open = name, file, size + len(data)
        if size + len(data) >= SEGMENT_BYTES:
            self.close()
        return name, size

    def close(self, name: str = "") -> None:
        """Close the file if it has this name, or whatever name it has."""
        if self._open and name in ("", self._open[0]):
            os.close(self._open[1])
            self._open = None

    def _in_place(self) -> tuple[str, int, int] | None:
        """Return the file to append to, unless somebody removed it: that one takes writes too."""
        if self._open:
            name, file, _ = self._open
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat((self._directory / name).stat(), os.fstat(file)):
                    return self._open
            self.close()
        return None

    def _begin(self, number: int) -> tuple[str, int, int]:
        name = segment_name(number)
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        file = os.open(self._directory / name, flags, 0o600)
        self._open = name, file, 0
        sync_directory(self._directory)
        return self._open
