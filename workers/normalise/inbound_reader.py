"""Reading the inbound stream: new entries, and those that a worker left open."""

from typing import Any, Final

from receiver.contract.redis_keys import GROUP, INBOUND
from receiver.runtime import scripts
from workers.normalise.decide import Entry
from workers.normalise.pipelined_connection import Command

BATCH: Final = 100
"""Entries per read: few enough that a batch stays in the processor's caches (500 take a fifth
longer each), enough that an fsync each does not show."""
BATCH_BYTES: Final = 8 * 1024 * 1024
"""What a batch should hold at most: bodies may have 256 KiB, and a worker 70 MB."""
FIRST: Final = 50
"""Entries of the first batch, while nobody knows how large they are."""
ABANDONED_MILLISECONDS: Final = 15_000
"""Idle time after which an entry's worker counts as dead."""


class InboundReader:
    """Build the commands that read for one consumer of the group, and parse their replies."""

    def __init__(self, consumer: str) -> None:
        self._consumer = consumer
        self._take_over = scripts.load(__package__, "take_over")
        self._count = FIRST
        self.more = False
        """Whether the last read got all that it asked for, so that there may be more."""

    def read(self, *options: Any) -> Command:
        """Return the XREADGROUP for new entries, with options such as `BLOCK`."""
        return self._of(">", self._count, *options)

    def left_over(self) -> tuple[Command, Command]:
        """Return the commands for what this consumer left open, and for what a dead one did."""
        call = ("EVAL", self._take_over, 1, INBOUND, GROUP, self._consumer)
        return self._of("0", FIRST), (*call, ABANDONED_MILLISECONDS, FIRST)

    def entries(self, reply: Any) -> list[Entry]:
        """Parse the reply to `read`, as RESP3 (a map) or RESP2 (a list of pairs) has it.

        The size of the entries decides how many the next `read` asks for.
        """
        found = (
            parse_entries(next(iter(reply.values())) if isinstance(reply, dict) else reply[0][1])
            if reply
            else []
        )
        self.more = len(found) >= self._count
        if found:  # of what it left open a consumer may have none
            size = sum(len(notification) for _, notification in found)
            self._count = max(1, min(BATCH, BATCH_BYTES * len(found) // max(1, size)))
        return found

    def _of(self, after: str, count: int, *options: Any) -> Command:
        group = ("GROUP", GROUP, self._consumer, "COUNT", count)
        return ("XREADGROUP", *group, *options, "STREAMS", INBOUND, after)


def parse_entries(found: Any) -> list[Entry]:
    """Return id and encoded notification of each entry; empty where somebody deleted the entry."""
    return [(number, fields[1] if fields else b"") for number, fields in found]
