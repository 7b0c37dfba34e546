"""The location of the spool: a directory of our own in RECEIVER_SPOOL_DIR, which may be shared.

RECEIVER_SPOOL_DIR itself is left as it is: it may be shared (mode 1777), or a volume that somebody
else owns and gives its group (Kubernetes' fsGroup).
"""

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Final, NamedTuple

from receiver.config.settings import SettingsError
from receiver.intake.spool import damaged_rows, depth, legacy_sqlite
from receiver.intake.spool.depth import Depth, ForeignFileError, plus
from receiver.runtime.private_files import own_directory

NAME: Final = "receiver-spool"
ROOM: Final = 1024 * 1024
"""Bytes that have to be free at the start; its files begin with some of them."""


class SpoolContents(NamedTuple):
    """The files of a spool and what they hold, whoever owns them."""

    depth: Depth
    damaged: dict[str, int]
    """File -> notifications, at least, that were damaged and are kept there."""
    unreadable: dict[str, str]
    """File -> why it could not be read."""


def own(directory: Path) -> Path:
    """Return our directory in RECEIVER_SPOOL_DIR."""
    return directory / NAME


def prepare(directory: Path) -> Path:
    """Create our directory where it is missing, and return it. Raises `OSError`."""
    directory.stat()  # one that is missing is not made here: its disk may be away
    ours = own(directory)
    own_directory(ours)
    return ours


def refuse_unwritable(directory: Path) -> None:
    """Check that a spool could work in a directory. Raises `SettingsError`."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        try_out(prepare(directory), ROOM)
    except OSError as error:
        raise SettingsError(unusable(directory, error.strerror or str(error))) from None


def try_out(ours: Path, size: int) -> None:
    """Write so many bytes to the spool's disk, and delete them. Raises `OSError`."""
    probe = ours / f"probe-{os.getpid()}"
    try:
        probe.write_bytes(bytes(size))
    finally:
        probe.unlink(missing_ok=True)


def unusable(directory: Path, reason: str) -> str:
    """Return the message for an operator that a spool directory cannot be used."""
    return f"RECEIVER_SPOOL_DIR={str(directory)!r}: {reason}; a directory to write in is wanted"


def faults(damaged: dict[str, int], unreadable: dict[str, str]) -> list[str]:
    """Return the messages for an operator about damaged and unreadable files."""
    said = [
        f"{count} or more notifications on the spool were damaged and are set aside in {file}"
        for file, count in sorted(damaged.items())
    ]
    return said + [
        f"{file} in the spool cannot be read: {why}" for file, why in sorted(unreadable.items())
    ]


def look(directory: Path) -> SpoolContents:
    """Return what a spool holds; an unreadable file does not hide the others."""
    total, damaged, unreadable = Depth(), dict[str, int](), dict[str, str]()
    ours = own(directory)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.listdir(ours)  # a glob says nothing of a directory that it may not read
        damaged = set_aside(directory)
        files = [*ours.glob("spool-*.log"), *directory.glob("spool-*.sqlite3")]
    except OSError as error:
        return SpoolContents(total, damaged, {ours.name: error.strerror or str(error)})
    for path in files:
        try:
            of_its_kind = depth.of_file if path.suffix == ".log" else legacy_sqlite.depth
            total = plus(total, of_its_kind(path))
        except FileNotFoundError:
            continue
        except (OSError, ForeignFileError, sqlite3.Error) as error:
            unreadable[path.name] = getattr(error, "strerror", None) or str(error)
    return SpoolContents(total, damaged, unreadable)


def set_aside(directory: Path) -> dict[str, int]:
    """Return file -> how many damaged notifications, at least, are set aside in it. Raises
    `OSError` where the directory may not be searched.
    """
    found = {}
    for path in own(directory).glob("spool-*.damaged"):
        try:
            found[path.name] = damaged_rows.count(path)
        except FileNotFoundError:
            continue
        except OSError:
            found[path.name] = 1
    return found
