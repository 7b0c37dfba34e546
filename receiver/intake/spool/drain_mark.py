"""The mark of a spool file: how far the file has been drained, and what is left in it.

It lies beside the file and is not synced. What is lost with it is drained once more, under the
numbers that it was drained under: nothing happens. It names its file's generation, so that one
that is out of date says nothing about what was written since.
"""

import os
import struct
import zlib
from typing import Final, NamedTuple

_FORM: Final = struct.Struct(">8s5Q")
_SUM: Final = struct.Struct(">I")


class Mark(NamedTuple):
    """The progress of a drain as written last."""

    generation: bytes
    drained: int
    """Bytes of the file that are done with."""
    size: int
    """Bytes of the file."""
    batches: int
    notifications: int
    oldest: int
    """Of what is left: milliseconds since 1970; 0: nothing is."""


def write(file: int, mark: Mark) -> None:
    """Replace the mark of a spool file. Raises `OSError`."""
    data = _FORM.pack(*mark)
    os.pwrite(file, data + _SUM.pack(zlib.crc32(data)), 0)


def read(file: int) -> Mark | None:
    """Return the mark of a spool file; None where there is none, or a damaged one. Raises
    `OSError`.
    """
    data = os.pread(file, _FORM.size + _SUM.size, 0)
    if len(data) < _FORM.size + _SUM.size:
        return None
    if _SUM.unpack_from(data, _FORM.size)[0] != zlib.crc32(data[: _FORM.size]):
        return None
    return Mark(*_FORM.unpack_from(data))
