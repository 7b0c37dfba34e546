"""Checks of the messages whose delivery status is watched."""

from collections.abc import Iterator
from typing import Final

from receiver.config.polls import AttStatusPoll
from receiver.config.settings import Settings
from receiver.doctor.finding import Finding
from receiver.metrics.snapshot import Snapshot

_LATE: Final = 15 * 60.0
"""Seconds: the gateway forgets a status 30 minutes after it has become final."""


def watches(settings: Settings, found: Snapshot) -> Iterator[Finding]:
    """Check that the watched messages are asked for, and accounted for."""
    if found.watch_late > _LATE:
        yield Finding(
            "serious",
            f"the most overdue delivery status is late by {found.watch_late / 60:.0f} minutes",
            "the gateway forgets a status 30 minutes after it has become final",
            "receiver poll  # is it running? too slow: raise `rate` of the poll",
        )
    known = {one.name for one in settings.polls if isinstance(one, AttStatusPoll)}
    for one in found.watches:
        if one.open and one.poll not in known:
            yield Finding(
                "warning",
                f"{one.open} messages are watched by {one.poll}, which receiver.toml does not name",
                "nobody asks for their statuses",
                f"receiver watch list --poll {one.poll}  # drop them, or bring the poll back",
            )
        if not one.balanced:
            yield Finding(
                "warning",
                f"the counts of the messages watched by {one.poll} do not balance",
                "somebody has written into Redis by hand, or it came back with other data",
                f"receiver watch list --poll {one.poll}",
            )
