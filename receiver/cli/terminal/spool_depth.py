"""The depth of this machine's spool, for commands that also run while Redis is away."""

from receiver.config.settings import Settings
from receiver.intake.spool import location
from receiver.intake.spool.depth import age
from receiver.intake.spool.location import SpoolContents


def read_spool(settings: Settings) -> SpoolContents:
    """Read the spool of `receiver web`, else that of `receiver up`."""
    return location.look(settings.spool_dir or settings.data_dir / "spool")


def describe(settings: Settings) -> str:
    """Describe in a sentence what waits in the spool; empty when nothing does."""
    found = read_spool(settings).depth
    if not found.notifications or found.oldest is None:
        return ""
    return (
        f"{found.notifications} acknowledged notifications wait in this machine's spool, the "
        f"oldest for {age(found):.0f} s"
    )
