"""An hour of steady load with three sinks, a reload and a rotation of a credential meanwhile.

`make hour MINUTES=60 RATE=5000`. Everything on this machine: load generator, web process, workers,
Valkey, the web hook, and who takes the jobs of the queue. Each minute sends another kind, so that
no notification comes twice. Prints a line for each minute, then what came of all; a run of half
an hour or more goes into `RESULTS.md`, too.
"""

import json
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import books, forward, notifications, record
from benchmarks.contenders import OURS, Running, web_process
from benchmarks.footprint import command_of, megabytes, resident_megabytes
from benchmarks.load import Target, opened
from benchmarks.options import options
from benchmarks.processes import Process, Server, beside, python, running, scratch, until, valkey
from benchmarks.rounds import table
from receiver.contract.redis_keys import EVENTS, LEDGER, SINKS
from workers.forward import delivery_queue

CONNECTIONS = 64
WARM = 10
"""Minutes after which memory is to be flat; a shorter run takes a third of its own."""
MEMORY = "2gb"
"""What docs/scaling.md says for the identities of an hour: twice what they take, or more. Where
histories are made room for, memory is flat, and what a rewrite of the log writes is too."""
_NAMES = ("copy", "jobs", forward.SINK)
_MORE = """
[[sink]]
name = "copy"
kind = "redis-stream"
stream = "copies"
max_length = 100000

[[sink]]
name = "jobs"
kind = "rq"
queue = "company"
function = "company.jobs.on_event"
"""

_FIGURES = (
    *((f"{name} ms", name) for name in ("p50", "p99", "p99.9", "max")),
    ("oldest not normalised, s", "oldest_open"),
    ("sink that is furthest behind, s", "behind"),
)

Row = dict[str, Any]


def run(minutes: int, rate: float) -> Row:
    """Return what each minute was like, and what came of all of them."""
    with valkey(memory=MEMORY) as server, forward.hook() as url, scratch() as directory:
        environ = forward.configured(url, directory, "structured")
        file = Path(environ["RECEIVER_CONFIG"])
        file.write_text(file.read_text("utf-8") + _MORE, "utf-8")
        for name in _NAMES:
            delivery_queue.create_group(server.client, name)
        environ |= {"REDIS_URL": server.url, "RECEIVER_WORKERS": "1"}
        with (
            running(python("-m", "workers"), environ) as workers,
            web_process(OURS, server, environ) as web,
            beside(partial(_take_jobs, server.client)),
        ):
            opened(replace(web.target, first=1), rate / 4, CONNECTIONS, 5)
            rows = []
            for minute in range(minutes):
                if minute == minutes // 2:
                    _disturb(file, environ)
                rows.append(_minute(web, workers, rate, minute))
                print(json.dumps(rows[-1]), flush=True)
            end = _end(server, workers, sum(row["answered"] for row in rows))
            return {"rate": rate, "rows": rows, "end": end}


def _minute(web: Running, workers: Process, rate: float, minute: int) -> Row:
    kind = notifications.MIXED[minute % len(notifications.MIXED)]
    first = 100_000 + int(minute // len(notifications.MIXED) * rate * 61)
    path = notifications.KINDS[kind].path
    target = Target(web.target.port, "POST", path, first, kind)
    oldest, behind = [0.0], [0.0]
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(opened, target, rate, CONNECTIONS, 60)
        while not load.done():
            oldest.append(books.oldest_open(web.server.client))
            behind.append(_undelivered(web.server) / rate)
            time.sleep(0.5)
    found = load.result()
    names = ("answered", "p50", "p99", "p99.9", "max", "non_2xx", "broken", "unanswered")
    return {
        "minute": minute + 1,
        "kind": kind,
        **{name: found[name] for name in names},
        "oldest_open": max(oldest),
        "behind": max(behind),
        "memory": _memory(web, workers),
    }


def _memory(web: Running, workers: Process) -> dict[str, float]:
    """Return MB of each process; the workers' by what they do. Of two that do the same, since one
    takes the other's place, the larger.
    """
    found = {"web": megabytes(web.process)}
    for number, size in resident_megabytes(workers).items():
        if role := _role(number):
            found[role] = max(size, found.get(role, 0.0))
    return found | {"valkey": megabytes(web.server.process)}


def _role(number: int) -> str:
    """Return what a worker process does, by its arguments; empty where it has ended."""
    words = command_of(number)
    arguments = words[words.index("-m") + 2 :] if "-m" in words else []
    kind = arguments[:2] if arguments[:1] == ["forward"] else arguments[:1]
    return " ".join(kind) or ("supervisor" if words else "")


def _undelivered(server: Server) -> int:
    """Return how many events the sink that is furthest behind has not got."""
    published = int(server.client.hget(LEDGER, "events") or 0)
    return published - min(_delivered(server).values())


def _delivered(server: Server) -> dict[str, int]:
    counts = server.client.hmget(SINKS, [f"{name}:delivered" for name in _NAMES])
    return {name: int(count or 0) for name, count in zip(_NAMES, counts, strict=True)}


def _disturb(file: Path, environ: dict[str, str]) -> None:
    """Change the file of settings, and replace a credential of a listener's."""
    file.write_text(file.read_text("utf-8").replace("allow", "timeout = 9\nallow"), "utf-8")
    for words in (("add", "--label", "soak"), ("rotate", "soak")):
        command = python("-m", "receiver", "credentials", *words)
        more = {"PATH": "/usr/bin:/bin", **environ}
        subprocess.run(command, env=more, check=True, stdout=subprocess.DEVNULL)


def _end(server: Server, workers: Process, answered: float) -> Row:
    """Wait until all is delivered; what is missing then is lost."""
    until(lambda: books.open_count(server.client) == 0, workers, 120)
    until(lambda: _undelivered(server) == 0, workers, 120)
    ledger = {name: int(server.client.hget(LEDGER, name) or 0) for name in ("accepted", "events")}
    events = ledger["events"]
    return {
        "answered": answered,
        **ledger,
        "outcomes": books.outcomes(server.client),
        "on_stream": server.client.xlen(EVENTS),
        "delivered": _delivered(server),
        "lost": ledger["accepted"] - books.outcomes(server.client),
        "undelivered": {name: events - count for name, count in _delivered(server).items()},
    }


def _take_jobs(client: Any, ended: threading.Event) -> None:
    """Take jobs from the queue and forget them: `rq worker` would be the limit."""
    while not ended.wait(0.05):
        while names := client.lpop("rq:queue:company", 1000):
            client.unlink(*(b"rq:job:" + name for name in names))


def report(part: Row) -> str:
    """Return what the minutes were like, the span of each process's memory once warm, and what was
    lost.
    """
    rows, end = part["rows"], part["end"]
    spread = [
        [name, *(f"{at(row[key] for row in rows):.2f}" for at in (min, median, max))]
        for name, key in _FIGURES
    ]
    warm = rows[min(WARM, len(rows) // 3) :]
    spans = [
        [who, f"{min(sizes):.1f}", f"{max(sizes):.1f}", f"{60 * _slope(sizes):+.1f}"]
        for who in warm[0]["memory"]
        if (sizes := [row["memory"][who] for row in warm if who in row["memory"]])
    ]
    bad = sum(row["non_2xx"] + row["broken"] + row["unanswered"] for row in rows)
    said = (
        f"{len(rows)} minutes at {part['rate']:,.0f}/s: {end['answered']:,.0f} acknowledged, "
        f"{bad:.0f} refused or broken, lost {end['lost']}, not delivered "
        f"{sum(end['undelivered'].values())} of {end['events']:,} to each of {len(_NAMES)} sinks."
    )
    minutes = table(["of a minute", "least", "median", "most"], spread)
    memory = table(["process, once warm", "least MB", "most MB", "MB an hour"], spans)
    return "\n\n".join([said, minutes, memory])


def _slope(sizes: list[float]) -> float:
    """Return the slope of the line through the values, for each step (least squares)."""
    middle = (len(sizes) - 1) / 2
    spread = sum((at - middle) ** 2 for at in range(len(sizes)))
    if not spread:
        return 0.0
    return sum((at - middle) * size for at, size in enumerate(sizes)) / spread


def main() -> None:
    """Run from the command line."""
    said = options(__doc__, minutes=60, rate=5000.0)
    if said.minutes < 30:
        print(report(run(said.minutes, said.rate)))
        return
    print(report(record.take("hour", partial(run, said.minutes, said.rate))))


if __name__ == "__main__":
    main()
