"""Files that only their owner may read: secrets, addresses, marks."""

import contextlib
import errno
import os
import secrets
import stat
import tempfile
import time
from pathlib import Path
from typing import Final

_LEFT_AFTER: Final = 3600.0
"""Seconds after which a file that has not taken its place never will: its writer was killed."""


def own_directory(path: Path) -> None:
    """Create a directory that nobody else may look into, and those above it, where they are
    missing. Raises `OSError`, also where somebody else may have put another one there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    if path.lstat().st_uid == os.geteuid():
        with contextlib.suppress(OSError):  # a disk that may only be read, or knows no modes
            path.chmod(0o700)
    elif path.parent.stat().st_mode & stat.S_IWOTH:
        said = f"{path.name} in it belongs to somebody else, and anybody may write there"
        raise PermissionError(errno.EPERM, said)


def write_private(path: Path, data: str | bytes) -> None:
    """Write a whole file with mode 0600, atomically whoever else writes it, and return when it is
    on disk. Raises `OSError`.

    The disk may take seconds: not for an event loop that serves.
    """
    _remove_left(path)
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".new", dir=path.parent)
    new = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(handle)
        new.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink()  # a full disk needs its room
        raise


def kept_name(path: Path) -> str:
    """Return the name of a directory, which a file in it has: made once and kept, so that it moves
    with the disk. Raises `OSError`.
    """
    if not path.exists():
        _write_once(path, secrets.token_hex(8))
    return read_name(path)


def read_name(path: Path) -> str:
    """Return the name in a file. Raises `OSError`, also where it holds none."""
    name = path.read_bytes()
    if not (name and name.isascii()):
        raise OSError(errno.EBADMSG, f"its file {path.name} is damaged: it holds no name")
    return name.decode()


def _write_once(path: Path, text: str) -> None:
    """Write a file unless there is one. Of several processes that write it one is first, and its
    file stays.
    """
    # A name that is nobody else's: another host may have the same disk.
    new = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        write_private(new, text)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(new)
    finally:
        new.unlink(missing_ok=True)
    sync_directory(path.parent)


def append(file: int, data: bytes | bytearray, size: int) -> None:
    """Append to a file of so many bytes, and return once that is on disk. A failure leaves the file
    as it was. Raises `OSError`.
    """
    try:
        write_at(file, data, size)
        os.fsync(file)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(file, size)
        raise


def write_at(file: int, data: bytes | bytearray, place: int) -> None:
    """Write all of the data from a place on. Raises `OSError`."""
    written = 0
    while written < len(data):
        written += os.pwrite(file, data[written:], place + written)


def sync_directory(directory: Path) -> None:
    """Write a directory to disk, with the names in it. Raises `OSError`."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_left(path: Path) -> None:
    for left in path.parent.glob(f"{path.name}.*new"):
        with contextlib.suppress(OSError):  # another process has removed it
            if time.time() - left.stat().st_mtime > _LEFT_AFTER:
                left.unlink()
