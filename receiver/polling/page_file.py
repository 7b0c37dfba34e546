"""A page on our disk, from before its request until Redis has it.

The file is a line of JSON about the request, written before it is sent; then, as the answer comes,
a line about its head, the bytes of its body as they came, and a last line. A mebibyte is reserved
before the request: a full disk shows before the gateway removes anything. A file without its last
line is that of a process that died; what it had written counts. Whoever works on a file holds its
lock.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from receiver.runtime.private_files import own_directory, sync_directory

RESERVED: Final = 1024 * 1024
DIRECTORY: Final = "pages"
"""In `RECEIVER_DATA_DIR`."""
SUFFIX: Final = ".page"
RECEIPT: Final = 27
"""Characters of a receipt, which stands at the end of the name."""


class Asked(Struct, frozen=True):
    """About the request."""

    poll: str
    callback: str
    listener: str
    receipt: str
    path: str
    """Without query."""


class _Head(Struct, frozen=True):
    status: int
    content_type: str


class _Foot(Struct, frozen=True):
    status: int
    length: int
    complete: bool
    received: int


class Page(Struct, frozen=True):
    """An answer, as much of it as there is."""

    asked: Asked
    received: int
    """When its last byte came: milliseconds since 1970."""
    status: int
    """0 where not even its head came."""
    content_type: str
    body: bytes
    complete: bool
    died: bool = False
    """Whether the process died while it was under way."""


class Unasked(ValueError):
    """Its process died before the request's line was written: nothing was requested."""


class PageFile:
    """One page being written. `OSError` may come from creating it only: what the disk refuses once
    the answer comes is kept in memory.
    """

    def __init__(self, directory: Path, asked: Asked) -> None:
        """Create and reserve the file, durably. Raises `OSError`: nothing may be requested."""
        self.asked = asked
        self.path = directory / f"{asked.poll}-{asked.receipt}{SUFFIX}"
        self._status, self._content_type = 0, ""
        self._body_at = 0
        self.length = 0
        """Bytes of the body that have come."""
        self._refused: list[bytes] = []
        self._refused_before = 0
        """Bytes of what was refused that come before the body."""
        own_directory(directory)
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            if hasattr(os, "posix_fallocate"):  # not on macOS: there a full disk shows later
                os.posix_fallocate(self._file, 0, RESERVED)
            self._write(msgspec.json.encode(asked) + b"\n")
            os.fsync(self._file)
            sync_directory(directory)
        except BaseException:
            self.remove()
            raise

    @property
    def on_disk(self) -> bool:
        """Return whether all that came is in the file."""
        return not self._refused

    def begin(self, status: int, content_type: str) -> None:
        """Write down the head of an answer."""
        self._status, self._content_type = status, content_type
        self._put(msgspec.json.encode(_Head(status, content_type)) + b"\n")
        self._body_at = os.lseek(self._file, 0, os.SEEK_CUR)
        self._refused_before = sum(map(len, self._refused))

    def write(self, chunk: bytes) -> None:
        """Write what came of the body, at once."""
        self.length += len(chunk)
        self._put(chunk)

    def finish(self, *, complete: bool) -> Page:
        """Write the last line and make all of it durable. Returns the page."""
        received = time.time_ns() // 1_000_000
        foot = _Foot(self._status, self.length, complete, received)
        rest = b"".join(self._refused)[self._refused_before :]
        body = os.pread(self._file, self.length - len(rest), self._body_at) + rest
        self._put(b"\n" + msgspec.json.encode(foot) + b"\n")
        try:
            if self.on_disk:
                os.ftruncate(self._file, os.lseek(self._file, 0, os.SEEK_CUR))
            os.fsync(self._file)
        except OSError:
            self._refused.append(b"")  # what of it is on the disk, nobody knows
        return Page(self.asked, received, self._status, self._content_type, body, complete)

    def remove(self) -> None:
        """Remove it: nothing of it is wanted any more."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of the file, which stays, for whoever looks for pages that wait."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _put(self, octets: bytes) -> None:
        rest = octets if self._refused else self._write(octets)
        if rest:
            self._refused.append(rest)

    def _write(self, octets: bytes) -> bytes:
        """Return what the disk did not take."""
        while octets:
            try:
                octets = octets[os.write(self._file, octets) :]
            except OSError:
                break
        return octets


def poll_of(path: Path) -> str:
    """Return the name of the poll that a page file belongs to."""
    return path.stem[: -RECEIPT - 1]


def waiting(directory: Path) -> list[Path]:
    """Return the page files there, the oldest first, those that are being written included."""
    return sorted(directory.glob(f"*{SUFFIX}"), key=lambda path: path.stem[-RECEIPT:])


@contextlib.contextmanager
def left(path: Path) -> Iterator[Page | None]:
    """Lock a file that nobody works on any more and yield its page, or None where there is none to
    be had. Raises `OSError`, `Unasked`, and `ValueError` for a file that is no page's.
    """
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield _page(file.read(), os.fstat(file.fileno())) if path.exists() else None


def drop(path: Path) -> None:
    """Remove a file whose page is where it belongs."""
    path.unlink(missing_ok=True)


def set_aside(path: Path) -> None:
    """Give a file that is no page's another name: nobody looks at it again, and it stays."""
    path.rename(path.with_suffix(".damaged"))


def _page(octets: bytes, about: os.stat_result) -> Page:
    """Decode a page. Raises `Unasked`, and `ValueError` for a file that is no page's."""
    if octets[:1] in (b"", b"\0"):
        raise Unasked
    first, _, rest = octets.partition(b"\n")
    asked = msgspec.json.decode(first, type=Asked)
    died = Page(asked, int(about.st_mtime * 1000), 0, "", b"", complete=False, died=True)
    second, newline, body = rest.partition(b"\n")
    if not newline or second[:1] != b"{":
        return died
    head = msgspec.json.decode(second, type=_Head)
    body, foot = _apart(body)
    if foot is None:
        return msgspec.structs.replace(
            died, status=head.status, content_type=head.content_type, body=body.rstrip(b"\0")
        )
    return Page(asked, foot.received, head.status, head.content_type, body, foot.complete)


def _apart(octets: bytes) -> tuple[bytes, _Foot | None]:
    """Split a file's rest into the body and its last line, which says how long the body is."""
    at = octets.rfind(b"\n", 0, len(octets) - 1)
    try:
        foot = msgspec.json.decode(octets[at + 1 :], type=_Foot)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return octets, None
    return (octets[:at], foot) if foot.length == at else (octets, None)
