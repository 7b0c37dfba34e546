"""Processor time for a notification at a steady rate, and how soon it is an event.

At a steady rate what comes in is handled as it comes, in small batches, and not as fast as can be:
this is what a machine pays all day.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from benchmarks import books
from benchmarks.calm import Result
from benchmarks.contenders import OURS, web_process
from benchmarks.cpu import spent
from benchmarks.endtoend import CONNECTIONS, took_since
from benchmarks.load import opened, percentile
from benchmarks.options import options
from benchmarks.processes import Process, Server, python, running, scratch, until, valkey
from benchmarks.rounds import shown, table
from receiver.contract.redis_keys import EVENTS

RATES: Final = (100, 1000, 3000, 5000)
_SINKS: Final = """
[[sink]]
name = "copy"
kind = "redis-stream"
stream = "benchmark:copy"

[[sink]]
name = "jobs"
kind = "rq"
queue = "benchmark"
function = "benchmarks.textbook_job.publish"
"""
_COLUMNS: Final = ("web", "workers", "valkey", "p50", "p99")


def measure(rate: float, seconds: float, *, sinks: bool) -> Result:
    """Return microseconds of processor time for one notification of each process, and milliseconds
    from receipt to event.
    """
    with valkey() as server, _workers(server, _SINKS if sinks else "") as workers:
        with web_process(OURS, server) as web:
            opened(replace(web.target, first=1), rate, CONNECTIONS, 2)
            until(lambda: books.open_count(server.client) == 0, workers, 60)
            newest: Any = server.client.xrevrange(EVENTS, count=1)
            spenders = [spent(each) for each in (web.process, workers, server.process)]
            opened(replace(web.target, first=5_000_000), rate, CONNECTIONS, seconds)
            until(lambda: books.open_count(server.client) == 0, workers, 60)
            costs = [each() / (rate * seconds) for each in spenders]
        took = took_since(server, newest[0][0])
    return dict(zip(_COLUMNS, (*costs, percentile(took, 0.5), percentile(took, 0.99)), strict=True))


@contextmanager
def _workers(server: Server, settings: str) -> Iterator[Process]:
    with scratch() as directory:
        file = directory / "receiver.toml"
        file.write_text(settings)
        environ = {"REDIS_URL": server.url, "RECEIVER_CONFIG": str(file)}
        with running(python("-m", "workers"), environ) as process:
            yield process


def main() -> None:
    """Run from the command line."""
    said = options(__doc__, rounds=3, seconds=5.0)
    rows = []
    for sinks in (False, True):
        for rate in RATES:
            found = [measure(rate, said.seconds, sinks=sinks) for _ in range(said.rounds)]
            values = [shown([each[name] for each in found], 1) for name in _COLUMNS]
            rows.append([f"{rate:,}", "two" if sinks else "none", *values])
    print(
        table(["a second", "sinks", "web us", "workers us", "Valkey us", "p50 ms", "p99 ms"], rows)
    )


if __name__ == "__main__":
    main()
