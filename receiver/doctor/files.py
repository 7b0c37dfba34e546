"""Checks who may read and write the files of this machine."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from receiver.config import receiver_toml
from receiver.config.settings import PARKING, Settings
from receiver.doctor.finding import Finding
from receiver.intake.spool.location import own
from receiver.polling.page_file import DIRECTORY as PAGES


def check_files(settings: Settings) -> Iterator[Finding]:
    """Check the modes of what holds notifications or secrets, and of what says where they go."""
    directory = settings.data_dir
    names = ("redis-url", "demo-token", "valkey", "listen-secret", PAGES)
    secret = [directory / name for name in names]
    secret += [own(settings.spool_dir)] if settings.spool_dir else []
    secret += [settings.park_dir / PARKING] if settings.park_dir else []
    for path in secret:
        if _open_to_others(path):
            yield Finding(
                "serious",
                f"{path} is open to other users of this machine",
                "it holds notifications, or a secret that opens them",
                f"chmod go= {quote(str(path))}",
            )
    config = receiver_toml.path_of(os.environ)
    beside = config.absolute().parent
    for path in (directory, config, *([] if _mode(beside) & stat.S_ISVTX else [beside])):
        if _mode(path) & stat.S_IWOTH:
            yield Finding(
                "serious",
                f"any user of this machine may write {path}",
                "and can have your events sent elsewhere, or your data replaced",
                f"chmod o-w {quote(str(path))}",
            )


def _open_to_others(path: Path) -> bool:
    """Return whether other users may open a path.

    A volume that belongs to another user may be open to one of our groups: it was given for us.
    """
    try:
        found = path.stat()
    except OSError:
        return False
    given = found.st_uid != os.geteuid() != 0 and found.st_gid in os.getgroups()
    return bool(found.st_mode & (0o007 if given else 0o077))


def _mode(path: Path) -> int:
    """Return the mode; 0 of what is not there, or is a device such as /dev/null."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return 0
    return 0 if stat.S_ISCHR(mode) else stat.S_IMODE(mode)
