"""Takes a changed `receiver.toml` while a process runs: whole or not at all."""

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import structlog

from receiver.config import config_file, receiver_toml
from receiver.config.fault import sentence
from receiver.config.receiver_toml import Document
from receiver.config.settings import Settings, load_text, of_file
from receiver.runtime import hangup

log = structlog.get_logger()

EVERY: Final = 1.0
"""Seconds between two looks at the file."""
SETTLED: Final = 1.0
"""Seconds for which its content must be the same before it is taken: one that is being written may
be well so far. SIGHUP says that it is whole."""

Refuse = Callable[[Settings], Sequence[str]]
"""Returns why a process cannot work with settings; empty where it can."""


class Reload:
    """The settings of one process, and the file that they came from.

    Only what the file says changes: the environment of a process is what it was when it began.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        refuse: Refuse = lambda _: (),
        *,
        quiet: bool = False,
    ) -> None:
        """`quiet`: other processes log what becomes of the file. Raises `SettingsError` where the
        file is wrong from the beginning.
        """
        self.settings, self.text = load_text(environ)
        self.trouble = ""
        """Why the file is not in use as it stands; empty where it is. One sentence."""
        self._environ = environ
        self._refuse = refuse
        self._quiet = quiet
        self._path = receiver_toml.path_of(environ)
        self._stamp: tuple[int, ...] = ()
        self._judged: str | None = self.text
        self._pending: str | None = None
        self._since = 0.0

    def look(self, *, asked: bool = False) -> bool:
        """Look at the file, and take it if it has changed. Returns whether the settings are new.

        `asked`: somebody says that it is whole now.
        """
        stamp = _stamp(str(self._path))
        unread = (self._judged or "").startswith(_UNREADABLE)  # perhaps for a moment only
        if stamp == self._stamp and not (asked or unread) and self._pending is None:
            return False
        self._stamp, found = stamp, self._content()
        if asked:
            return self._judge(found)
        if found == self._judged:
            self._pending = None
            return False
        if found != self._pending:
            self._pending, self._since = found, time.monotonic()
        return time.monotonic() - self._since >= SETTLED and self._judge(found)

    def _content(self) -> str:
        """Return the file's text, or why there is none, in a form that no file's text has."""
        try:
            return config_file.text(self._path)
        except FileNotFoundError:
            return _GONE
        except OSError as error:
            return _UNREADABLE + (error.strerror or "it cannot be read")
        except ValueError as error:
            return _UNREADABLE + str(error)

    def _judge(self, found: str) -> bool:
        self._judged, self._pending = found, None
        new, wrong = self._settings_of(found)
        self.trouble = wrong
        if wrong:
            self._say("error", "config.refused", reason=wrong, in_use="as before")
            return False
        changed = [key for key in FIELDS if getattr(new, key) != getattr(self.settings, key)]
        self.text = "" if found == _GONE else found
        if not changed:
            return False
        self.settings = new
        self._say("info", "config.taken", changed=",".join(changed))
        return True

    def _say(self, level: str, event: str, **fields: str) -> None:
        if not self._quiet:
            getattr(log, level)(event, path=str(self._path), **fields)

    def _settings_of(self, found: str) -> tuple[Settings, str]:
        """Return the settings that a content makes, and why it makes none."""
        if found.startswith(_UNREADABLE) or (found == _GONE and self.text):
            return self.settings, f"{self._path}: {found[1:]}"
        document = Document(self._path, "" if found == _GONE else found)
        if document.faults:
            return self.settings, sentence(document.faults)
        fields: dict[str, Any] = of_file(document.config, self._environ)
        new: Settings = msgspec.structs.replace(self.settings, **fields)
        return new, sentence(self._refuse(new))


class Watch(threading.Thread):
    """Look at the file once a second, and at SIGHUP, beside everything else that a process does.

    `taken` is called with new settings, in this thread.
    """

    def __init__(self, reload: Reload, taken: Callable[[Settings], object]) -> None:
        super().__init__(name="config", daemon=True)
        self._reload = reload
        self._taken = taken
        hangup.listen()

    def run(self) -> None:
        """Look for ever."""
        while True:
            asked = hangup.wait(EVERY)
            try:
                if self._reload.look(asked=asked):
                    self._taken(self._reload.settings)
            except Exception as error:  # noqa: BLE001 - whatever it is, what runs goes on as it is
                log.error("config.fault", error=type(error).__name__)


def _stamp(path: str) -> tuple[int, ...]:
    """Return a value that changes with the file, also where another one or a link took its name."""
    try:
        found = os.stat(path)
    except OSError as error:
        return (error.errno or 0,)
    return (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)


_GONE: Final = "\0it is gone"
_UNREADABLE: Final = "\1"
FIELDS: Final = tuple(of_file(receiver_toml.ConfigFile(), {}))
"""The fields of `Settings` that `receiver.toml` sets, and a reload may change."""
