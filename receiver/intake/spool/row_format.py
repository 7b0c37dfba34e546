"""Rows of a spool file: one batch each, with checksums, so that damage is noticed and limited to
its row.

A row is a head of 32 bytes (mark, bytes of the body, notifications in it, time, checksum of the
body, checksum of the head) and a body (msgpack). The head's checksum covers the row's place in its
file, so that no bytes within a body, whoever sent them, are taken for a row.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

MARK: Final = b"\x93spool\r\n"
HEAD: Final = 32
_HEAD: Final = struct.Struct(">8sIIQI")
_PLACE: Final = struct.Struct(">Q")
_SUM: Final = struct.Struct(">I")
_CHUNK: Final = 1024 * 1024
TORN: Final = "its end is missing"


class Row(NamedTuple):
    """The place and head of a row, or of a stretch in which no row can be found."""

    place: int
    end: int
    notifications: int
    at: int
    """When it came: milliseconds since 1970; 0 where nobody knows."""
    checksum: int
    fault: str
    """What is wrong with it; empty while nothing is known to be."""

    @property
    def size(self) -> int:
        """Return how many bytes it has, with its head."""
        return self.end - self.place

    @property
    def body(self) -> tuple[int, int]:
        """Return place and size of the body."""
        return self.place + HEAD, self.size - HEAD


def pack(place: int, at: int, notifications: int, body: bytes) -> bytes:
    """Return the bytes of a row that will be written at `place`."""
    head = _HEAD.pack(MARK, len(body), notifications, at, zlib.crc32(body))
    return head + _SUM.pack(_sum(head, place)) + body


def sound(row: Row, body: bytes) -> bool:
    """Return whether a body matches the checksum of its row."""
    return zlib.crc32(body) == row.checksum


def rows(file: int, start: int, end: int) -> Iterator[Row]:
    """Yield every row in a part of a file, and the stretches between rows, in order; heads only.
    Raises `OSError`.
    """
    at = start
    while at < end:
        row = _row(os.pread(file, HEAD, at), at, end)
        row = row or Row(at, _next(file, at + 1, end), 1, 0, 0, "its head")
        yield row
        at = row.end


def _row(head: bytes, place: int, end: int) -> Row | None:
    if len(head) < HEAD or not head.startswith(MARK):
        return None
    if _SUM.unpack_from(head, _HEAD.size)[0] != _sum(head[: _HEAD.size], place):
        return None
    _, size, notifications, at, checksum = _HEAD.unpack_from(head)
    whole = place + HEAD + size
    fault = "" if whole <= end else TORN
    return Row(place, min(whole, end), notifications, at, checksum, fault)


def _next(file: int, at: int, end: int) -> int:
    """Return where the next row begins, or the end."""
    while at < end and (chunk := os.pread(file, _CHUNK, at)):
        found = chunk.find(MARK)
        while found >= 0:
            if _row(os.pread(file, HEAD, at + found), at + found, end):
                return at + found
            found = chunk.find(MARK, found + 1)
        at += max(1, len(chunk) - len(MARK) + 1)  # one may begin in this chunk's last bytes
    return end


def _sum(head: bytes, place: int) -> int:
    return zlib.crc32(_PLACE.pack(place), zlib.crc32(head))
