"""Two hours of 500 events a second for a dead sink, as fast as they can be had: `make soak`.

PARKING_EVENTS is how many there are. Their ids are of the time at which they would have come.
"""

import os
import time
from typing import Any

import msgspec
import pytest

from receiver.config.settings import RedisStreamSink
from receiver.contract.redis_keys import EVENTS, sink_state
from tests.parking.conftest import Made
from tests.support.forwarding import Forwarding, event
from tests.support.valkey import Valkey
from workers.maintenance.sweep import Sweep

COUNT = int(os.environ.get("PARKING_EVENTS", "3600000"))
BETWEEN = 2
"""Milliseconds from one event to the next."""
BLOCK = 1_000
CLOSED = 0.8
"""Share of memory from which intake is closed."""
LIVE = RedisStreamSink(name="live", stream="company:live")
DEAD = RedisStreamSink(name="dead", stream="company:dead")


class Copy:
    """What a sink has: each event, once and in order; what was looked at goes."""

    def __init__(self, client: Any, sink: RedisStreamSink) -> None:
        self._client = client
        self._stream = sink.stream
        self.many = 0

    def look(self) -> None:
        for _, fields in self._client.xrange(self._stream):
            assert int(msgspec.json.decode(fields[b"event"])["id"], 16) == self.many
            self.many += 1
        self._client.xtrim(self._stream, maxlen=0, approximate=False)


@pytest.mark.soak
def test_a_sink_that_is_dead_for_two_hours_closes_nothing_and_gets_everything_in_order(
    valkey: Valkey, parking: Made
) -> None:
    takes, dead = Forwarding(valkey, LIVE), Forwarding(valkey, DEAD)
    parked = parking(LIVE, DEAD)
    client, sweep = parked.client, Sweep(parked.client)
    copies = {sink.name: Copy(client, sink) for sink in (LIVE, DEAD)}
    first, most = time.time_ns() // 1_000_000 - COUNT * BETWEEN, 0.0
    client.hset(sink_state(DEAD.name), "stopped", "for two hours")
    for block in range(0, COUNT, BLOCK):
        pipe = client.pipeline(transaction=False)
        for number in range(block, min(block + BLOCK, COUNT)):
            raw = msgspec.json.encode(event(number, data={"text": "x" * 1_000}))
            pipe.xadd(EVENTS, {"event": raw}, id=f"{first + number * BETWEEN}-0")
        pipe.execute()
        takes.run()
        copies["live"].look()
        parked.run()
        sweep.trim()
        most = max(most, _used(client))
    print(f"at most {most:.0%} used; {parked.parked(DEAD.name)} parked")
    assert copies["live"].many == COUNT
    assert most < CLOSED
    assert parked.parked(DEAD.name)
    client.hdel(sink_state(DEAD.name), "stopped")
    while parked.books(DEAD.name).open or parked.parked(DEAD.name):
        parked.run(20)
        dead.run()
        copies["dead"].look()
        most = max(most, _used(client))
    books = parked.books(DEAD.name)
    print(f"at most {most:.0%} used; delivered {books.delivered}, damaged {books.parked_damaged}")
    assert (copies["dead"].many, books.delivered, most < CLOSED) == (COUNT, COUNT, True)


def _used(client: Any) -> float:
    memory = client.info("memory")
    return float(memory["used_memory"] / memory["maxmemory"])
