"""Ten sinks of which nine are dead, before a Redis that is small for them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from receiver.config.settings import HttpSink
from tests.support.consumer import Consumer, consuming
from tests.support.forwarding import Forwarding, event, publish
from tests.support.parking import Parking
from tests.support.valkey import Valkey
from workers.forward import run_loop
from workers.forward.pace import Pace
from workers.maintenance.sweep import Sweep

MEMORY = 8_000_000
TEXT = "x" * 2_000
ROUND = 300
"""Events between two looks of the parker: a tenth of the memory, with all that is kept of them."""
ROUNDS = 4


class _Clock:
    """One process does all of it: when a sink waits for its next lease, no time passes outside."""

    at = 0.0

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def _sink(consumer: Consumer, name: str) -> HttpSink:
    url = f"http://{consumer.netloc}/{name}"
    return HttpSink(
        name=name, url=url, allow=(consumer.netloc,), timeout=5, mode="batch", concurrency=1
    )


def _full(client: Any) -> float:
    """The share of memory that is used, without the buffers of connections: those are as large
    with any memory.
    """
    memory = client.info("memory")
    return float(memory["used_memory"] - memory["mem_clients_normal"]) / MEMORY


def _taken(consumer: Consumer, name: str) -> list[str]:
    """Ids of the events that this sink's consumer was given, in order."""
    bodies = [one.body for one in consumer.requests if one.path == f"/{name}"]
    return [one["id"] for body in bodies for one in msgspec.json.decode(body)]


def test_nine_dead_sinks_fill_nothing_and_get_everything_when_all_are_back_at_once(
    start_valkey: Callable[..., Valkey], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = _Clock()
    monkeypatch.setattr(run_loop, "time", clock)
    valkey = start_valkey(maxmemory=str(MEMORY))
    with consuming() as consumer:
        live, *dead = (_sink(consumer, name) for name in ("live", *(f"dead{n}" for n in range(9))))
        takes = Forwarding(valkey, live)
        others = [Forwarding(valkey, one) for one in dead]
        for each in (takes, *others):
            each.deliveries.pace = Pace(clock.monotonic)
        parked = Parking(valkey, tmp_path / "disk", live, *dead)
        client, sweep = parked.client, Sweep(parked.client)
        ids: list[str] = []

        def come(count: int) -> None:
            """Raises where Redis is full."""
            events = [event(len(ids) + n, data={"text": TEXT}) for n in range(count)]
            publish(valkey, *events)
            ids.extend(one["id"] for one in events)
            takes.run()

        for _ in range(ROUNDS):
            come(ROUND)
            parked.run()
            sweep.trim()
        assert _taken(consumer, "live") == ids
        assert all(parked.parked(one.name) for one in dead)
        most = 0.0
        while any(parked.parked(one.name) for one in dead):
            parked.run(5)
            most = max(most, _full(client))
            come(20)
            sweep.trim()
            for other in others:
                other.run()
        assert most < 0.8  # from there on intake is closed
        for other in others:
            other.run()
        for one in (live, *dead):
            assert _taken(consumer, one.name) == ids
            books = parked.books(one.name)
            assert (books.delivered, books.open, books.dead) == (len(ids), 0, 0)
        assert clock.at  # nine that catch up gave way
        parked.close()
