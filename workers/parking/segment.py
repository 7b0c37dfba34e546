"""The format of a segment file: blocks of parked events, one behind the other.

A block is a head of fixed size and a body: a msgpack array of [entry id, event], compressed with
zlib; the event is nil where it was erased. Head and body have a CRC-32 each. Events are numbered in
the order in which a sink's were parked; the head says the number of its first, so that whoever
reads knows how many are missing.
"""

import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from receiver.contract.entry_ids import order

MAGIC: Final = b"RPB1"
_HEAD: Final = struct.Struct(">4sIIQ4QI")
_SUM: Final = struct.Struct(">I")
HEAD_BYTES: Final = _HEAD.size + _SUM.size
_LEVEL: Final = 1
"""Of zlib: the fastest. Events of one sink are alike, and higher levels gain a tenth."""

Entry = tuple[str, bytes | None]
"""The id of an entry on the events stream, and its event; None: it was erased."""
About = Callable[[bytes], bool]
"""Returns whether an event is about a person."""
Read = Callable[[int, int], bytes]
"""Returns so many bytes (the second number) from a place (the first) in a file."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Entry]).decode


class DamagedError(ValueError):
    """A block's bytes are not those that were written."""


class Block(NamedTuple):
    """The head of one block, and where it lies in its file."""

    at: int
    size: int
    """Bytes, with the head."""
    number: int
    """Of its first event."""
    events: int
    first: str
    """The entry id of its first event."""
    last: str

    @property
    def end(self) -> int:
        """Return the number that follows its last event's."""
        return self.number + self.events

    def is_beyond(self, total: int, to: str) -> bool:
        """Return whether it begins with this number or a later one, or ends behind an entry, if one
        is given.
        """
        return self.number >= total or bool(to and order(self.last) > order(to))


class Gap(NamedTuple):
    """Bytes of a file that are no block, or no whole one."""

    at: int
    size: int


def pack(number: int, entries: Sequence[Entry]) -> bytes:
    """Return a block of these events, of which the first has this number."""
    body = zlib.compress(_encode(entries), _LEVEL)
    ids = (*order(entries[0][0]), *order(entries[-1][0]))
    head = _HEAD.pack(MAGIC, len(body), len(entries), number, *ids, zlib.crc32(body))
    return head + _SUM.pack(zlib.crc32(head)) + body


def events(data: bytes) -> list[Entry]:
    """Return the events of a block, given all its bytes. Raises `DamagedError`."""
    body = data[HEAD_BYTES:]
    known = _block(data, 0, len(data))
    if known is None or _HEAD.unpack_from(data)[-1] != zlib.crc32(body):
        raise DamagedError("the checksum is another one")
    try:
        return _decode(zlib.decompress(body))
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DamagedError(str(error)) from None


def scan(read: Read, size: int) -> Iterator[Block | Gap]:
    """Yield what a file of so many bytes holds, in order: its blocks, by their heads, and gaps."""
    at = 0
    while at < size:
        found: Block | Gap | None = _block(read(at, HEAD_BYTES), at, size)
        found = found or Gap(at, _next_block(read, at + 1, size) - at)
        yield found
        at += found.size


def scan_file(path: Path) -> list[Block | Gap]:
    """Return what a file holds, in order. Raises `OSError`."""
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        return list(scan(lambda at, n: os.pread(file.fileno(), n, at), size))


def blocks(path: Path) -> list[Block]:
    """Return the blocks of a file. Raises `OSError`."""
    return [one for one in scan_file(path) if isinstance(one, Block)]


def erase(data: bytes, about: About, returned: int) -> tuple[bytes, int, int]:
    """Return the bytes of a file without the events that are `about` a person, and without blocks
    whose events have lower numbers than `returned`; how many events from there on were erased, and
    how many blocks or gaps could not be looked through. Every event that is left keeps its number.
    """
    parts, gone, unread = [], 0, 0
    for one in scan(lambda at, n: data[at : at + n], len(data)):
        part = data[one.at : one.at + one.size]
        if isinstance(one, Block) and one.end <= returned:
            continue
        try:
            part, erased = _without(part, about, returned)
            gone += erased
        except DamagedError:
            unread += 1
        parts.append(part)
    return b"".join(parts), gone, unread


def _without(data: bytes, about: About, returned: int) -> tuple[bytes, int]:
    """Return a block without these events, and how many of them have not come back yet. Raises
    `DamagedError`.
    """
    found, number = events(data), _HEAD.unpack_from(data)[3]
    left = [(entry, None if event and about(event) else event) for entry, event in found]
    gone = [
        at for at, both in enumerate(zip(found, left, strict=True), number) if both[0] != both[1]
    ]
    return pack(number, left) if gone else data, sum(at >= returned for at in gone)


def _block(head: bytes, at: int, size: int) -> Block | None:
    """Return the block that begins at a place; None where none does, or it is cut short."""
    if len(head) < HEAD_BYTES or not head.startswith(MAGIC):
        return None
    if _SUM.unpack_from(head, _HEAD.size)[0] != zlib.crc32(head[: _HEAD.size]):
        return None
    _, body, count, number, *ids, _ = _HEAD.unpack_from(head)
    if at + HEAD_BYTES + body > size:
        return None
    first, last = (f"{ids[i]}-{ids[i + 1]}" for i in (0, 2))
    return Block(at, HEAD_BYTES + body, number, count, first, last)


def _next_block(read: Read, start: int, size: int) -> int:
    """Return where the next block begins, or the end of the file."""
    data = read(start, size - start)
    found = data.find(MAGIC)
    while found >= 0:
        if _block(data[found : found + HEAD_BYTES], start + found, size):
            return start + found
        found = data.find(MAGIC, found + 1)
    return size
