"""The text of `receiver.toml` as a supervisor has taken it, for the processes that it starts.

They read it in place of the file, which may be broken by then, or newer than what was taken whole.
"""

import os
import tempfile
from collections.abc import Mapping
from typing import Final

VARIABLE: Final = "RECEIVER_CONFIG_FD"
"""The number of an open file that has the text."""


class HandedOver:
    """One text in a file without a name: no directory has to be writable, and nothing is left."""

    def __init__(self, text: str) -> None:
        self._file = None if hasattr(os, "memfd_create") else tempfile.TemporaryFile()  # noqa: SIM115 - it stays open
        self.number = self._file.fileno() if self._file else os.memfd_create("receiver.toml")
        """Of the file; it is to be passed on to the process (`pass_fds`)."""
        left = memoryview(text.encode())
        while left:
            left = left[os.write(self.number, left) :]

    def environ(self) -> dict[str, str]:
        """Return the environment of a process that is to read it."""
        return {**os.environ, VARIABLE: str(self.number)}

    def close(self) -> None:
        """Close it; processes that have it keep it."""
        if self._file:
            self._file.close()
        else:
            os.close(self.number)


def text(environ: Mapping[str, str]) -> str | None:
    """Return the text that this process was given; None where it was given none. Raises `OSError`,
    `OverflowError` or `ValueError` where the variable is another process's.
    """
    if not (said := environ.get(VARIABLE, "").strip()):
        return None
    number, found = int(said), b""
    while chunk := os.pread(number, 1 << 20, len(found)):
        found += chunk
    return found.decode()
