"""The console's pages: those that are asked for, what each takes, and the bytes of the first."""

import gzip
import re
import statistics
import time
from typing import Any

import httpx2

from benchmarks.console_process import Console
from benchmarks.console_store import SINK, Store
from benchmarks.load import percentile
from benchmarks.processes import Server
from receiver.contract.redis_keys import DEAD_LETTERS, REJECTED

Result = dict[str, Any]


def pages(server: Server, store: Store) -> dict[str, str]:
    """Return what is timed: name -> address."""
    client: Any = server.client
    letter, refused = (
        client.xrevrange(name, count=1)[0][0].decode() for name in (DEAD_LETTERS, REJECTED)
    )
    half = store.events // 2
    plain = ("live", "dead-letters", "rejected", "sinks", "credentials", "ledger", "audit")
    return {
        "overview": "/",
        "overview, 48 h": "/?hours=48",
        "overview, its refresh": "/?part=work",
        **{name: f"/{name}" for name in (*plain, "subscriptions", "polls", "search")},
        "story of a receipt, newest": f"/n/{store.receipt(server.client, 5)}",
        "story of a receipt, half-way back": f"/n/{store.receipt(server.client, half)}",
        "event by its id, 1,000 back": f"/n/{store.event(1_000)}",
        "event by its id, 100,000 back": f"/n/{store.event(store.events // 10)}",
        "an id that is not there": f"/n/{'0' * 32}",
        "dead letters, page 2": f"/dead-letters?before={letter}",
        "dead letters, a filter that nothing meets": "/dead-letters?reason=nonsense",
        "one dead letter": f"/dead-letters/{letter}",
        "one rejected request": f"/rejected/{refused}",
        "one sink": f"/sinks/{SINK}",
        "one listener": "/listeners/promo",
    }


def timed(found: Console, addresses: dict[str, str], times: int) -> dict[str, Result]:
    """Time each page so often, in turn: milliseconds by the clock and of the console's
    processor time.
    """
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in addresses}
    for _ in range(times):
        for name, address in addresses.items():
            cpu, begin = found.cpu(), time.perf_counter()
            answer = found.client.get(address, follow_redirects=False)
            took[name].append(((time.perf_counter() - begin) * 1e3, found.cpu() - cpu))
            if answer.status_code not in (200, 303, 404):
                raise SystemExit(f"{address}: {answer.status_code}")
    return {name: _points(each) for name, each in took.items()}


def transferred(found: Console) -> Result:
    """Return what a browser with nothing in its cache fetches for the first page, and from whom."""
    page = found.client.get("/")
    wanted = sorted(set(re.findall(r'(?:src|href)="([^"#]+\.(?:js|css|svg))"', page.text)))
    sizes = {"/": len(page.content) if "content-encoding" not in page.headers else _raw(page)}
    for address in wanted:
        answer = found.client.get(address)
        sizes[address] = int(answer.headers.get("content-length", len(answer.content)))
    hosts = set(re.findall(r'(?:src|href|action)="(?:https?:)?//([^/"]+)', page.text))
    return {"bytes": sum(sizes.values()), "of": sizes, "other_hosts": sorted(hosts)}


def _points(took: list[tuple[float, float]]) -> Result:
    wall = sorted(one for one, _ in took)
    cpu = statistics.median(one for _, one in took)
    return {"p50": percentile(wall, 0.5), "p95": percentile(wall, 0.95), "cpu": cpu}


def _raw(page: httpx2.Response) -> int:
    return int(page.headers.get("content-length", len(gzip.compress(page.content))))
