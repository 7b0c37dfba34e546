"""The console's pages on a large store, beside a loaded web process, and what that process notices.

    python -m benchmarks.console [--events 1000000] [--rounds 5]

Each page is asked for again and again while ten viewers watch the live tail and notifications come
in; what a page takes is told by the clock and in processor time of the console, for the machine may
have other work. Rounds with the console and its viewers and rounds without them take turns.
"""

import argparse
import gzip
import json
import re
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import httpx2

from benchmarks import load
from benchmarks.console_store import SINK, Store, fill
from benchmarks.console_viewers import Viewers
from benchmarks.contenders import OURS, door
from benchmarks.load import percentile
from benchmarks.processes import Process, Server, free_port, python, running, scratch, until, valkey
from benchmarks.rounds import shown, table
from receiver.console import sessions
from receiver.console.sessions import Link
from receiver.contract.redis_keys import DEAD_LETTERS, REJECTED

VIEWERS: Final = 10
RATE: Final = 500
Result = dict[str, Any]


class Console:
    """A console that runs, and somebody who has signed in."""

    def __init__(self, process: Process, port: int, client: httpx2.Client) -> None:
        self.process = process
        self.port = port
        self.client = client

    def cookie(self) -> str:
        """The cookie of the session, as a header."""
        return "; ".join(f"{name}={value}" for name, value in self.client.cookies.items())

    def cpu(self) -> float:
        """Processor time of its threads so far, in milliseconds."""
        tasks = Path(f"/proc/{self.process.popen.pid}/task").glob("*/schedstat")
        return sum(int(one.read_text().split()[0]) for one in tasks) / 1e6

    def megabytes(self) -> float:
        """What of its memory is resident."""
        said = Path(f"/proc/{self.process.popen.pid}/status").read_text()
        return int(said.partition("VmRSS:")[2].split()[0]) / 1024


@contextmanager
def console(server: Server, target: load.Target) -> Iterator[Console]:
    """A console before a Valkey and a web process."""
    web = f"http://127.0.0.1:{target.port}"
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    environ = {"REDIS_URL": server.url}
    with scratch() as directory:
        (directory / "receiver.toml").write_text(
            f'[[listener]]\nname = "promo"\n[[sink]]\nname = "{SINK}"\nkind = "http"\n'
            'url = "https://consumer.example/events"\nsecrets_env = ["HOOK_SECRET"]\n'
        )
        environ |= {"RECEIVER_CONFIG": str(directory / "receiver.toml"), "HOOK_SECRET": "x"}
        command = python("-m", "receiver", "console", "--port", str(port), "--web", web)
        with (
            running(command, environ) as process,
            httpx2.Client(base_url=base, timeout=60) as client,
        ):
            until(lambda: _answers(client), process)
            token = sessions.make_link(server.client, Link("ada", "operator"))
            click = {"sec-fetch-site": "none", "sec-fetch-dest": "document"}
            client.get(f"/login?token={token}", headers=click)
            yield Console(process, port, client)


def pages(server: Server, store: Store) -> dict[str, str]:
    """What is timed: name -> address."""
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
    """Each page so often, in turn: milliseconds by the clock and of the console's processor."""
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
    """What a browser with nothing in its cache fetches for the first page, and from whom."""
    page = found.client.get("/")
    wanted = sorted(set(re.findall(r'(?:src|href)="([^"#]+\.(?:js|css|svg))"', page.text)))
    sizes = {"/": len(page.content) if "content-encoding" not in page.headers else _raw(page)}
    for address in wanted:
        answer = found.client.get(address)
        sizes[address] = int(answer.headers.get("content-length", len(answer.content)))
    hosts = set(re.findall(r'(?:src|href|action)="(?:https?:)?//([^/"]+)', page.text))
    return {"bytes": sum(sizes.values()), "of": sizes, "other_hosts": sorted(hosts)}


def measure(events: int, dead: int, rounds: int, seconds: float) -> Result:
    """Fill a store; then the web process alone and with the console and its viewers, in turns."""
    with valkey("everysec") as server:
        store = fill(server.client, events, dead)
        workers = running(python("-m", "workers"), {"REDIS_URL": server.url})
        with door(OURS, server) as started, workers, console(server, started.target) as found:
            addresses = pages(server, store)
            result: Result = {"first page": transferred(found)}
            result["pages, no load"] = _told(timed(found, addresses, 4 * rounds))
            result |= _told(_turns(found, started.target, rounds, seconds))
            viewers = Viewers(found.port, found.cookie(), VIEWERS, 3600)
            with _loading(started.target):
                result["pages, under load"] = timed(found, addresses, 4 * rounds)
            result["resident MB"] = round(found.megabytes(), 1)
            viewers.end()
            return result


def _told(part: Result) -> Result:
    """Print a part at once: a run that is interrupted loses only the part it was at."""
    print(json.dumps(part), flush=True)
    return part


def _turns(found: Console, target: load.Target, rounds: int, seconds: float) -> Result:
    """The web process under load with viewers before the console and without, in turns."""
    alone: list[load.Result] = []
    beside: list[load.Result] = []
    rows, cpu = [], 0.0
    for number in range(2 * rounds):
        own = load.Target(target.port, target.method, target.path, 10_000 * number)
        if number % 4 in (0, 3):
            alone.append(load.opened(own, RATE, 16, seconds))
            continue
        viewers, before = Viewers(found.port, found.cookie(), VIEWERS, seconds + 2), found.cpu()
        beside.append(load.opened(own, RATE, 16, seconds))
        rows.append(min(viewers.rows()) / seconds)
        cpu += (found.cpu() - before) / 1e3
    ratios = [two["p99"] / one["p99"] for one, two in zip(alone, beside, strict=True)]
    return {
        "web alone": _web(alone),
        "web beside ten viewers": _web(beside),
        "p99 beside / alone": shown(ratios, 2),
        "rows per viewer and second": round(statistics.median(rows)),
        "processors that the console takes meanwhile": round(cpu / (rounds * seconds), 2),
    }


@contextmanager
def _loading(target: load.Target) -> Iterator[None]:
    """Notifications come in meanwhile."""
    done = threading.Event()

    def send() -> None:
        number = 1_000_000
        while not done.is_set():
            own = load.Target(target.port, target.method, target.path, number)
            load.opened(own, RATE, 16, 5)
            number += 5 * RATE

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def report(found: Result) -> str:
    """The figures as tables."""
    rows = [
        [name, *(f"{found[how][name][point]:,.1f}" for how in _HOW for point in _POINTS)]
        for name in found[_HOW[0]]
    ]
    head = ["page", *(f"{point} ms{end}" for end in ("", ", under load") for point in _POINTS)]
    others = {name: value for name, value in found.items() if name not in _HOW}
    return table(head, rows) + "\n\n" + json.dumps(others, indent=1)


_HOW: Final = ("pages, no load", "pages, under load")
_POINTS: Final = ("p50", "p95", "cpu")


def _points(took: list[tuple[float, float]]) -> Result:
    wall = sorted(one for one, _ in took)
    cpu = statistics.median(one for _, one in took)
    return {"p50": percentile(wall, 0.5), "p95": percentile(wall, 0.95), "cpu": cpu}


def _web(each: list[load.Result]) -> Result:
    return {point: shown([one[point] for one in each], 2) for point in ("p50", "p99")} | {
        "refused": sum(one["non_2xx"] + one["broken"] + one["unanswered"] for one in each)
    }


def _raw(page: httpx2.Response) -> int:
    return int(page.headers.get("content-length", len(gzip.compress(page.content))))


def _answers(client: httpx2.Client) -> bool:
    with suppress(httpx2.HTTPError):
        return client.get("/login").status_code == 200
    return False


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--dead", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10)
    said = parser.parse_args()
    print(report(measure(said.events, said.dead, said.rounds, said.seconds)))


if __name__ == "__main__":
    main()
