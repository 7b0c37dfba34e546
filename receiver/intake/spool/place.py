"""The directory of a spool among those of all hosts: its name, and its files that are not ours."""

import sqlite3
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from receiver.intake.spool import depth, location
from receiver.intake.spool.depth import ForeignFileError
from receiver.runtime.private_files import kept_name


def name(directory: Path) -> str:
    """Return the name of the spool in RECEIVER_SPOOL_DIR. Raises `OSError`."""
    return kept_name(location.prepare(directory) / "place")


class Rest(NamedTuple):
    """Files of a spool besides those that a process has, by name."""

    others: list[str]
    """Those that hold something."""
    unread: list[str]
    """Those that nobody can read, and what was set aside as damaged."""


def rest(directory: Path, ours: Collection[str]) -> Rest:
    """Return what a spool has besides these files. Raises `OSError`."""
    own = location.own(directory)
    others = []
    unread = [path.name for path in (*own.glob("*.damaged"), *directory.glob("spool-*.damaged"))]
    for path in (*own.glob("spool-*.log"), *directory.glob("spool-*.sqlite3")):
        try:
            if path.name not in ours and _holds(path):
                others.append(path.name)
        except (OSError, ForeignFileError, sqlite3.Error):
            unread.append(path.name)
    return Rest(others, sorted(unread))


def _holds(path: Path) -> bool:
    return path.suffix != ".log" or depth.of_file(path).batches > 0
