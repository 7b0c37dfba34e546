"""From receipt to a web hook: web process, worker and forward worker together, at a steady rate.

The hook says when each event came: milliseconds since the `receivedtime` that is in it.
"""

import json
import urllib.request
from dataclasses import replace
from functools import partial

from benchmarks import books, forward
from benchmarks.calm import Result
from benchmarks.contenders import OURS, web_process
from benchmarks.load import opened, percentile
from benchmarks.processes import python, running, scratch, until, valkey
from benchmarks.rounds import shown, table
from workers.forward import delivery_queue

RATE = 1000.0
CONNECTIONS = 64


def measure(rate: float = RATE, seconds: float = 15) -> Result:
    """Return how long it took, in milliseconds, and how many came."""
    with valkey() as server, forward.hook("timed") as url, scratch() as directory:
        delivery_queue.create_group(server.client, forward.SINK)
        more = forward.configured(url, directory, "structured")
        environ = {"REDIS_URL": server.url, "RECEIVER_WORKERS": "1", **more}
        with (
            running(python("-m", "workers"), environ) as workers,
            web_process(OURS, server, more) as web,
        ):
            delivered = partial(books.delivered, server.client, forward.SINK)
            opened(replace(web.target, first=1), rate, CONNECTIONS, 3)
            until(lambda: delivered() >= 3 * rate, workers, 60)
            _took(url)
            before = delivered()
            load = opened(replace(web.target, first=5_000_000), rate, CONNECTIONS, seconds)
            until(lambda: delivered() - before >= load["answered"], workers, 60)
            took = sorted(_took(url))
    points = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
    found = {name: percentile(took, share) for name, share in points.items()}
    return found | {"offered": rate, "delivered": len(took)}


def report(rounds: list[Result]) -> str:
    """Return the times, round by round."""
    rows = [[name, shown([each[name] for each in rounds], 0)] for name in ("p50", "p99", "p99.9")]
    head = [f"receipt to web hook at {rounds[0]['offered']:,.0f} a second", "ms"]
    return table(head, rows)


def _took(url: str) -> list[float]:
    """Return what the hook has measured since the last call."""
    with urllib.request.urlopen(f"{url}/took", timeout=10) as answer:
        return list(json.loads(answer.read()))
