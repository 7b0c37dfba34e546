"""What the spool of this machine holds, for commands that are asked while Redis is away too."""

from receiver.config.settings import Settings
from receiver.intake.spool import location
from receiver.intake.spool.depth import Depth, age
from receiver.intake.spool.location import SpoolContents


def seen(settings: Settings) -> SpoolContents:
    """Of the directory of `receiver web`, else of `receiver up`."""
    return location.look(settings.spool_dir or settings.data_dir / "spool")


def said(found: Depth) -> str:
    """The sentence about what waits there; empty when nothing does."""
    if not found.notifications or found.oldest is None:
        return ""
    return (
        f"{found.notifications} acknowledged notifications wait in this machine's spool, the "
        f"oldest for {age(found):.0f} s"
    )
