"""The spool files of one process: its own, and those taken over from processes that have ended."""

import shutil
import sqlite3
import time
from errno import EACCES, EISDIR, ELOOP, ENXIO, EPERM, ESPIPE
from pathlib import Path
from typing import Final

import structlog

from receiver.intake.inbound_writer import Batch
from receiver.intake.spool import legacy_sqlite, location
from receiver.intake.spool.depth import Depth, ForeignFileError, plus
from receiver.intake.spool.spool_file import Head, SpoolFile
from receiver.runtime.logs import Seldom

log = structlog.get_logger()

SHARE_OF_FREE: Final = 0.8
"""Of what is free on the disk: a process spools less than it may where that is little."""
LOOK_EVERY: Final = 5.0
"""Seconds between two looks at the directory: files of dead processes, and what is wrong."""
_NUMBERS: Final = 4096
"""Files that there may be: more than processes on one machine."""
_OF_ONE_FILE: Final = (EACCES, EPERM, EISDIR, ELOOP, ENXIO, ESPIPE)
"""Where these are said of a number, the next one may do."""
_FAULTS: Final = (OSError, ForeignFileError, sqlite3.Error)
"""What is wrong with one file is not wrong with the others."""


class Files:
    """The spool files of one process. Use it from one thread, the properties from any; faults are
    as of the last check.
    """

    def __init__(self, directory: Path, most: int) -> None:
        self._directory = directory
        self._most = self._limit = most
        self._looked = 0.0
        self._seldom = Seldom(log)
        self.own: SpoolFile
        self.adopted: list[SpoolFile] = []
        self.refused = ""
        """Why the disk did not take the last batch, nor the last attempt since."""
        self.damaged: dict[str, int] = {}
        """File -> notifications, at least, that are set aside in it."""
        self.unreadable: dict[str, str] = {}
        """File -> why it cannot be read: left alone, for a person to look at."""

    @property
    def depth(self) -> Depth:
        """Return what the files hold now."""
        total = self.own.depth
        for file in tuple(self.adopted):
            total = plus(total, file.depth)
        return total

    @property
    def held(self) -> tuple[SpoolFile, ...]:
        """Return the files that this process has."""
        return (*self.adopted, self.own)

    @property
    def full(self) -> str:
        """Return why this process's own file takes no more; empty while it does."""
        if self.own.depth.bytes < self._limit:
            return ""
        why = ": its disk has no more room" if self._limit < self._most else ""
        return f"it holds {self._limit} bytes, which is all it may{why}"

    def open(self) -> None:
        """Open a file of our own, and those that ended processes left. Raises `OSError`."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self.own = self._new()
        self._look()

    def close(self) -> None:
        """Close the files; what is in them stays for the next process."""
        for file in self.held:
            file.close()

    def _new(self) -> SpoolFile:
        """Open this process's file: the first that nobody has, or a new one. Raises `OSError`."""
        ours = location.prepare(self._directory)
        for number in range(_NUMBERS):
            try:
                if file := SpoolFile.acquire(ours, number):
                    return file
            except ForeignFileError:
                continue  # the look says so
            except OSError as error:
                if error.errno not in _OF_ONE_FILE or number == _NUMBERS - 1:
                    raise
        raise OSError(f"{_NUMBERS} files of the spool are in use")

    def _look(self) -> None:
        """Look for files to take over, for damage, and whether the disk works again."""
        self._looked = time.monotonic()
        self.refused = self._fault()
        self.unreadable = self._adopt() | self._bring_over()
        self.damaged = location.set_aside(self._directory)

    def _renew_if_gone(self) -> None:
        """Begin a new file where this process's own is not what the next one would find."""
        if self.own.in_place:
            return
        gone = self.own
        try:
            new = self._new()
        except OSError as error:
            raise OSError(f"{gone.name} is gone: {error.strerror or error}") from None
        log.error("spool.gone", file=gone.name, notifications=gone.depth.notifications)
        self.adopted.append(gone)
        self.own = new
        self._close_if_drained(gone)

    def _adopt(self) -> dict[str, str]:
        """Take over what dead processes left; which files cannot be read, and why."""
        mine = {file.number for file in self.held}
        unreadable = {}
        for path in location.own(self._directory).glob("spool-*.log"):
            name = path.stem.removeprefix("spool-")
            if not name.isdecimal() or int(name) in mine:
                continue  # somebody's copy, or ours already
            try:
                if file := SpoolFile.acquire(path.parent, int(name)):
                    self.adopted.append(file)
                    self._close_if_drained(file)
            except _FAULTS as error:
                unreadable[path.name] = self._cannot_read(path, error)
        return unreadable

    def _bring_over(self) -> dict[str, str]:
        """Take over the files of a process of an older version; return which are unreadable."""
        unreadable = {}
        for path in legacy_sqlite.files(self._directory):
            try:
                legacy_sqlite.move(path, self._adopt_new)
            except _FAULTS as error:
                unreadable[path.name] = self._cannot_read(path, error)
        for file in tuple(self.adopted):
            self._close_if_drained(file)
        return unreadable

    def _adopt_new(self) -> SpoolFile:
        self.adopted.append(file := self._new())
        return file

    def _cannot_read(self, path: Path, error: Exception) -> str:
        reason = getattr(error, "strerror", None) or str(error)
        self._seldom.say("critical", "spool.unreadable", file=path.name, reason=reason)
        return reason

    def _fault(self) -> str:
        """Return why the disk does not work; tries it where it did not, or where little is free."""
        ours = location.own(self._directory)
        try:
            self._renew_if_gone()
            free = shutil.disk_usage(ours).free
            self._limit = min(self._most, self.own.depth.bytes + int(free * SHARE_OF_FREE))
            if self.refused or free < location.ROOM:
                location.try_out(ours, location.ROOM)
        except OSError as error:
            return error.strerror or str(error)
        return ""

    def write(self, batch: Batch) -> None:
        """Write a batch, and return when it is on disk where the next process finds it. Raises
        `OSError`.
        """
        if self.full:
            raise OSError(self.full)
        try:
            self._renew_if_gone()
            self.own.write(batch)
        except OSError as error:
            self.refused = error.strerror or str(error)
            raise
        self.refused = ""

    def head(self) -> tuple[SpoolFile, list[Head]]:
        """Return the oldest batches, all of one file, and that file."""
        if time.monotonic() - self._looked >= LOOK_EVERY:
            self._look()
        file = self.adopted[0] if self.adopted else self.own
        heads = file.head()
        self._close_if_drained(file)  # all that was left of it may have been damaged
        return file, heads

    def forget(self, file: SpoolFile, heads: list[Head]) -> None:
        """Delete the oldest batches of a file, which are in Redis now."""
        file.forget(heads)
        self._close_if_drained(file)

    def _close_if_drained(self, file: SpoolFile) -> None:
        if file in self.adopted and not file.depth.batches:
            self.adopted.remove(file)
            file.close()
