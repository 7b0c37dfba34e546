"""How fast one forward worker delivers a backlog of events to one web hook on the same machine.

Ours posts them one by one and in batches of a hundred, signed. The peer is a BullMQ worker, 50 jobs
at a time, posting with undici; it signs nothing. Its jobs hold the same events.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks import books, notifications
from benchmarks.calm import Result
from benchmarks.contenders import BULLMQ, OURS, PEER, Contender
from benchmarks.drain import bullmq_left, fill_bullmq, timed
from benchmarks.processes import Server, free_port, python, running, scratch, until, valkey
from benchmarks.rounds import Round, against, measured, table
from receiver.carriers import CALLBACKS
from receiver.contract.records import Notification
from receiver.contract.redis_keys import EVENTS
from workers.forward import delivery_queue
from workers.normalise.cloudevent import claim

EVENT_COUNT = 20_000
FASTER = 5
"""Times as many events for the batches, which would else be over in a blink."""
SINK = "hook"
BATCH = Contender("e batch", "ours, batches of 100", lambda *_: [])
SINGLE = Contender(OURS.letter, "ours, one by one", lambda *_: [])
_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def measure(contender: Contender) -> Result:
    """Fill an empty Valkey, start one worker, time it from its first delivery to its last."""
    with valkey() as server, hook() as url, scratch() as directory:
        way = _bullmq if contender.letter == BULLMQ.letter else _ours
        count = EVENT_COUNT * FASTER if contender is BATCH else EVENT_COUNT
        return {"rate": way(contender, server, url, directory, count)}


def present() -> list[Contender]:
    """Return our contenders, and the peer where node is."""
    return [SINGLE, BATCH] + ([] if BULLMQ.needs() else [BULLMQ])


def report(rounds: list[Round]) -> str:
    """Return the rates and how ours compares."""
    rows = measured(rounds, (SINGLE, BATCH, BULLMQ), ("rate", 0))
    head = ["one forward worker, one web hook", "events per second"]
    pairs = [(SINGLE.letter, "c"), (BATCH.letter, "c")]
    return table(head, rows) + "\n\n" + against(rounds, pairs, 1)


@contextlib.contextmanager
def hook(app: str = "app") -> Iterator[str]:
    """Run the consumer, in a process of its own."""
    port = free_port()
    flags = ("--port", str(port), "--loop", "uvloop", "--http", "httptools", "--no-access-log")
    command = python("-m", "uvicorn", f"benchmarks.contenders.hook:{app}", *flags)
    with running([*command, "--log-level", "info"]) as process:
        until(lambda: "running on" in process.log.read_text("utf-8"), process)
        yield f"http://127.0.0.1:{port}/events"


def _ours(contender: Contender, server: Server, url: str, directory: Path, count: int) -> float:
    mode = "batch" if contender is BATCH else "structured"
    delivery_queue.create_group(server.client, SINK)
    fill(server, count)
    environ = {"REDIS_URL": server.url, **configured(url, directory, mode)}

    with running(python("-m", "workers"), environ) as process:
        return timed(lambda: count - books.delivered(server.client, SINK), count, process)


def configured(url: str, directory: Path, mode: str) -> dict[str, str]:
    """Return the environment of a worker with one sink, a web hook at `url`, signed."""
    file = directory / "receiver.toml"
    file.write_text(
        f'[[sink]]\nname = "{SINK}"\nkind = "http"\nurl = "{url}"\nmode = "{mode}"\n'
        'allow = ["127.0.0.1"]\nsecrets_env = ["HOOK_SECRET"]\n'
    )
    return {"RECEIVER_CONFIG": str(file), "HOOK_SECRET": _SECRET}


def _bullmq(_contender: Contender, server: Server, url: str, _directory: Path, count: int) -> float:
    environ = {"REDIS_URL": server.url, "HOOK_URL": url, "NODE_ENV": "production"}
    fill_bullmq(server, events(count))
    with running(["node", str(PEER / "forward.mjs")], environ) as process:
        return timed(lambda: bullmq_left(server.client), count, process)


def fill(server: Server, count: int) -> None:
    """Write so many events onto the stream."""
    with server.client.pipeline(transaction=False) as pipe:
        for event in events(count):
            pipe.xadd(EVENTS, {"event": event})
        pipe.execute()


def events(count: int) -> Iterator[bytes]:
    """Yield events as the normalise job publishes them."""
    callback = next(each for each in CALLBACKS if each.name == "att.sms.mo")
    for number in range(count):
        body = notifications.body("message", number)
        came = Notification(
            callback.name, "default", f"r{number}", 1_760_000_000_000, "application/json", body
        )
        for index, event in enumerate(callback.normalise(came, ZoneInfo("UTC"))):
            yield claim(callback, came, event, index).document
