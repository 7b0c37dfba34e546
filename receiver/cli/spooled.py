"""What the spool of this machine holds, for commands that are asked while Redis is away too."""

import sqlite3
import time

from receiver.cli import environment
from receiver.settings import Settings
from receiver.spool import spool_file
from receiver.spool.spool_file import Depth


def depth(settings: Settings) -> Depth:
    """Of the directory of `receiver web`, else of `receiver up`. Raises `Refused`."""
    directory = settings.spool_dir or settings.data_dir / "spool"
    try:
        return spool_file.depth(directory)
    except sqlite3.Error as error:
        raise environment.Refused(f"the spool in {directory}: {error}") from None


def said(found: Depth) -> str:
    """The sentence about what waits there; empty when nothing does."""
    if not found.notifications or found.oldest is None:
        return ""
    seconds = max(0.0, time.time() - found.oldest / 1000)
    return (
        f"{found.notifications} acknowledged notifications wait in this machine's spool, the "
        f"oldest for {seconds:.0f} s"
    )
