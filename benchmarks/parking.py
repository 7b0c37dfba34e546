"""What parking costs: bytes on disk, events a second each way, and the start with many parked.

One process parks all that waits for a sink and returns it, while nothing else is done; what comes
back is taken from the retry set as soon as it is as much as may be due at once, as by a sink that
is faster than any. Both ways are to be faster than one forward worker (`forward.py`).
"""

import json
import time
from itertools import islice
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from benchmarks import record
from benchmarks.calm import Result
from benchmarks.forward import events, fill
from benchmarks.options import options
from benchmarks.processes import scratch, valkey
from receiver.config.settings import RedisStreamSink, Settings
from receiver.contract.redis_keys import EVENTS, retry_due, retry_items, sink_parking, sink_state
from workers.forward import delivery_queue
from workers.parking import memory_use
from workers.parking.parked_files import ParkedFiles
from workers.parking.parker import Parker
from workers.parking.sink_parking import BLOCK_EVENTS

SINK = RedisStreamSink(name="copy", stream="company:events", share=0.0001)


def rates(count: int) -> Result:
    """Measure events a second each way, and what an event takes in memory and on the disk."""
    with valkey() as server, scratch() as directory:
        client: Any = server.client
        delivery_queue.create_group(client, SINK.name)
        fill(server, count)
        in_memory = client.memory_usage(EVENTS, samples=0) / count
        estimated = memory_use.read(client, [SINK])[SINK.name].event_bytes
        settings = Settings(redis_url=server.url, park_dir=directory, sinks=(SINK,))
        client.hset(sink_state(SINK.name), "stopped", "until all are parked")
        _, parking = _moved(client, settings)
        total, size = client.hmget(sink_parking(SINK.name), "total", "bytes")
        client.delete(sink_state(SINK.name))
        returned, back = _moved(client, replace(settings, sinks=(replace(SINK, share=20),)))
    return {
        "bytes_in_memory": in_memory,
        "bytes_estimated": estimated,
        "bytes_on_disk": int(size) / int(total),
        "parked_rate": int(total) / parking,
        "returned_rate": returned / back,
    }


def _moved(client: Any, settings: Settings) -> tuple[int, float]:
    """Park all that waits, or return all that is parked to a sink that takes it at once. Returns
    how many came back, and the seconds that took.
    """
    parker, returned = Parker(client, settings), 0
    began = time.perf_counter()
    while came := step_and_take(client, parker):
        returned += came
    took = time.perf_counter() - began
    parker.close()
    return returned, took


def step_and_take(client: Any, parker: Parker) -> int:
    """Let the parker work until it waits, and take what came back by it. Returns how many."""
    while not parker.step():
        pass
    came = int(client.zcard(retry_due(SINK.name)))
    if came:
        client.delete(retry_due(SINK.name), retry_items(SINK.name))
    return came


def start(count: int) -> Result:
    """Measure the seconds until a new process knows what is parked, and until it has read the first
    block.
    """
    with scratch() as directory:
        _park(directory, count)
        began = time.perf_counter()
        files = ParkedFiles(directory)
        known = time.perf_counter() - began
        assert files.end == count
        assert files.next(0)
        first = time.perf_counter() - began
        files.close()
    return {"parked": count, "seconds": known, "first_block_seconds": first}


def _park(directory: Path, count: int) -> None:
    files = ParkedFiles(directory)
    source = events(BLOCK_EVENTS)
    block = [(f"{1_760_000_000_000 + n}-0", one) for n, one in enumerate(islice(source, count))]
    for number in range(0, count, BLOCK_EVENTS):
        files.append(number, block)
    files.close()


def main() -> None:
    """Run from the command line."""
    said = options(__doc__, count=100_000, many=1_000_000)
    figures = record.take("parking", lambda: rates(said.count) | start(said.many))
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
