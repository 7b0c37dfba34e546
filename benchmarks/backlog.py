"""Whether a notification costs more when a million wait than when a thousand do."""

import time
from dataclasses import replace
from functools import partial

from benchmarks import books
from benchmarks.calm import Result, calm
from benchmarks.contenders import OURS, web_process
from benchmarks.footprint import cpu_seconds
from benchmarks.load import closed
from benchmarks.processes import Process, Server, until, valkey

CONNECTIONS = 64
FEW, MANY = 1_000, 1_000_000


def worker(backlog: int, times: int = 1) -> Result:
    """Measure processor time per notification of a warm worker and its Valkey, and the rate."""
    with valkey() as server, books.warm_worker(server) as process:
        spent = took = 0.0
        for turn in range(times):
            books.fill(server, backlog, first=turn * backlog)
            cost, seconds = _drained(server, process)
            spent, took = spent + cost, took + seconds
    count = backlog * times
    return {"backlog": backlog, "us": spent / count * 1e6, "rate": count / took}


def loaded_web_process(backlog: int, seconds: float = 10) -> Result:
    """Measure processor time per acknowledgement of web process and Valkey while so many wait."""
    with valkey() as server, web_process(OURS, server) as running:
        closed(replace(running.target, first=8_000_000), CONNECTIONS, 3)
        server.client.delete("receiver:inbound", "receiver:ledger")
        books.fill(server, backlog)
        begin = cpu_seconds(running.process) + cpu_seconds(server.process)
        load = closed(replace(running.target, first=5_000_000), CONNECTIONS, seconds)
        spent = cpu_seconds(running.process) + cpu_seconds(server.process) - begin
    return {"backlog": backlog, "us": spent / load["answered"] * 1e6, "rate": load["rate"]}


def _drained(server: Server, process: Process) -> tuple[float, float]:
    """Return (processor seconds, seconds) from the bell to the last outcome."""
    before = cpu_seconds(process) + cpu_seconds(server.process)
    begin = time.perf_counter()
    books.ring(server)
    until(lambda: books.open_count(server.client) == 0, process, 600)
    took = time.perf_counter() - begin
    return cpu_seconds(process) + cpu_seconds(server.process) - before, took


def compare() -> dict[str, list[Result]]:
    """Measure a thousand waiting, often enough to show, against very many."""
    return {
        "worker": [calm(partial(worker, FEW, 100)), calm(partial(worker, MANY))],
        "door": [calm(partial(loaded_web_process, backlog)) for backlog in (FEW, MANY)],
    }
