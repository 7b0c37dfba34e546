"""How fast notifications are normalised and forwarded while events of another sink park or return.

A worker normalises a backlog and forwards it to a live sink on the same Redis: alone, while the
oldest events of another sink are parked as fast as that goes, and while they return to a sink that
takes them at once. Rounds are interleaved; what counts is the ratio within a round.
"""

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import books, record
from benchmarks.calm import Result
from benchmarks.forward import fill
from benchmarks.options import options
from benchmarks.parking import SINK, step_and_take
from benchmarks.processes import Server, python, running, scratch, until, valkey
from benchmarks.rounds import Round, ratios, shown, table, values
from receiver.config.settings import Settings
from receiver.contract.redis_keys import EVENTS, sink_parking, sink_state
from receiver.runtime import redis_client
from workers.forward import delivery_queue
from workers.parking.parker import Parker

WAYS = ("alone", "parking", "returning")
PARKED = 50_000
"""Events of the other sink: more than the worker is given time for."""


def measure(way: str, count: int) -> Result:
    """Measure notifications a second that are published, and that are delivered."""
    with valkey() as server, scratch() as directory:
        for name in (SINK.name, "live"):
            delivery_queue.create_group(server.client, name)
        fill(server, PARKED)
        server.client.xgroup_setid(EVENTS, "forward:live", "$")
        file = directory / "receiver.toml"
        file.write_text('[[sink]]\nname = "live"\nkind = "redis-stream"\nstream = "live"\n')
        environ = {"REDIS_URL": server.url, "RECEIVER_CONFIG": str(file)}
        with _beside(way, server, directory), running(python("-m", "workers"), environ) as process:
            books.fill(server, count)
            begin = time.perf_counter()
            until(lambda: books.outcomes(server.client) >= count, process, 300)
            normalised = time.perf_counter() - begin
            until(lambda: books.delivered(server.client, "live") >= count, process, 300)
            forwarded = time.perf_counter() - begin
    return {"normalised": count / normalised, "rate": count / forwarded}


@contextlib.contextmanager
def _beside(way: str, server: Server, directory: Path) -> Iterator[None]:
    """Run the parker in a process of its own; where events are to return most are parked before."""
    if way == "alone":
        yield
        return
    server.client.hset(sink_state(SINK.name), "stopped", "until all are parked")
    command = python("-m", "benchmarks.parking_beside", "--parker", server.url, str(directory))
    with running(command) as process:

        def parked() -> int:
            found: Any = server.client.hget(sink_parking(SINK.name), "total")
            return int(found or 0)

        until(lambda: parked() > (0 if way == "parking" else 0.99 * PARKED), process, 300)
        if way == "returning":
            server.client.delete(sink_state(SINK.name))
        yield


def _park_for_ever(url: str, directory: str) -> None:
    client = redis_client.client(url)
    settings = Settings(redis_url=url, park_dir=Path(directory) / "parked", sinks=(SINK,))
    parker = Parker(client, settings)
    while True:
        step_and_take(client, parker)


def rounds(many: int, count: int) -> list[Round]:
    """Measure all ways, in turn."""
    found = []
    for number in range(many):
        order = WAYS if number % 2 == 0 else WAYS[::-1]
        found.append({way: measure(way, count) for way in order})
        print(json.dumps(found[-1]), flush=True)
    return found


def report(found: list[Round]) -> str:
    """Return the rates, and those beside parking and return over those alone."""
    rows = [
        [
            way,
            *(shown(values(found, way, figure)) for figure in ("normalised", "rate")),
            *(shown(ratios(found, way, "alone", figure), 2) for figure in ("normalised", "rate")),
        ]
        for way in WAYS
    ]
    return table(["beside", "normalised/s", "forwarded/s", "of alone", "of alone"], rows)


def main() -> None:
    """Run from the command line."""
    if sys.argv[1:2] == ["--parker"]:
        _park_for_ever(*sys.argv[2:4])
    said = options(__doc__, count=20_000, rounds=3)
    print(report(record.take("parking_beside", lambda: rounds(said.rounds, said.count))))


if __name__ == "__main__":
    main()
