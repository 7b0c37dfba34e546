"""Checks the company's own consumer groups that `receiver.toml` names."""

from collections.abc import Iterator
from typing import Final

from receiver.config.settings import Settings
from receiver.doctor.finding import Finding
from receiver.metrics.snapshot import Snapshot

_LATE: Final = 900.0
"""Seconds after which a group is behind."""


def readers(settings: Settings, found: Snapshot) -> Iterator[Finding]:
    """Check that each named group exists and reads."""
    for one in settings.readers:
        group = found.groups.get(one.name)
        if group is None:
            yield Finding(
                "warning",
                f"the reader {one.name} of receiver.toml has no consumer group",
                "nothing is kept for it when memory is short",
                f'redis-cli -u "$REDIS_URL" XGROUP CREATE receiver:events {one.name} $ MKSTREAM',
            )
        elif group.oldest > _LATE:
            yield Finding(
                "warning",
                f"the reader {one.name} is {group.oldest:.0f} s behind, with "
                f"{group.entries} events that it has not acknowledged",
                f"beyond {one.share:g} % of maxmemory they go when memory is short",
                f"look at the consumers of {one.name}",
            )
