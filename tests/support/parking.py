"""A parker and a sink's forward job in one process, before a Valkey that is small for them."""

from pathlib import Path
from typing import Any

import msgspec

from receiver.config.settings import RedisStreamSink, Settings, SinkSettings
from receiver.operations import sink_ledger
from receiver.operations.sink_ledger import SinkLedger
from tests.support.valkey import Valkey
from workers.parking import memory_use
from workers.parking.parker import Parker


class Parking:
    """One parker, whose sinks are allowed next to nothing of the memory, unless they say more."""

    def __init__(self, valkey: Valkey, directory: Path | None, *sinks: SinkSettings) -> None:
        self.client: Any = valkey.client()
        self.settings = Settings(redis_url=valkey.url, park_dir=directory, sinks=sinks)
        self.parker = Parker(self.client, self.settings)

    def run(self, steps: int = 200) -> None:
        """Until it has nothing to do, or so many steps."""
        for _ in range(steps):
            if self.parker.step():
                return

    def close(self) -> None:
        """As its process ends."""
        self.parker.close()

    def parked(self, sink: str = "") -> int:
        """Events on the disk."""
        return self.books(sink).parked

    def use(self, sink: str) -> memory_use.Use:
        """What waits in memory."""
        return memory_use.read(self.client, self.settings.sinks)[sink]

    def books(self, sink: str = "") -> SinkLedger:
        """Of the first sink, or of this one; they balance."""
        found = {one.name: one for one in sink_ledger.read(self.client)}
        one = found[sink or self.settings.sinks[0].name]
        assert one.balanced, one
        return one


def copy_sink(**more: Any) -> RedisStreamSink:
    """A sink on our own Redis with the least share of it."""
    settings: Any = {"name": "copy", "stream": "company:events", "share": 0.001}
    return RedisStreamSink(**(settings | more))


def copied(client: Any) -> list[str]:
    """The event ids that the copy has, in order."""
    entries = client.xrange("company:events")
    return [msgspec.json.decode(fields[b"event"])["id"] for _, fields in entries]
