"""Our side's Valkey as the benchmarks see it: filled, watched, and emptied by the workers."""

import contextlib
import itertools
import secrets
import time
from collections.abc import Iterator, Sequence

import redis
from rq import Queue
from rq.serializers import JSONSerializer

from benchmarks import notifications
from benchmarks.processes import Process, Server, python, running, until
from receiver.carriers import CALLBACKS
from receiver.carriers.carrier import Request
from receiver.contract.redis_keys import (
    GROUP,
    INBOUND,
    LEDGER,
    NORMALISE_JOB,
    NORMALISE_OPTIONS,
    NORMALISE_QUEUE,
    SINKS,
)
from receiver.intake.accept import accept

AT_ONCE = 1000


def fill(
    server: Server, count: int, first: int = 0, kinds: Sequence[str] = notifications.MIXED
) -> None:
    """Write `count` distinct notifications as the intake does, but ring no bell."""
    entries = _entries(kinds, first)
    for begin in range(0, count, AT_ONCE):
        some = list(itertools.islice(entries, min(AT_ONCE, count - begin)))
        with server.client.pipeline(transaction=True) as pipe:
            for entry in some:
                pipe.xadd(INBOUND, {"n": entry})
            pipe.hincrby(LEDGER, "accepted", len(some))
            pipe.execute()


def ring(server: Server) -> None:
    """Have the normalise job run now."""
    queue = Queue(NORMALISE_QUEUE, connection=server.client, serializer=JSONSerializer)
    queue.enqueue(NORMALISE_JOB, **NORMALISE_OPTIONS)


def outcomes(client: "redis.Redis") -> int:
    """Return how many notifications have come to their end."""
    counts = client.hmget(LEDGER, ["published", "duplicate", "dead"])
    return sum(int(each or 0) for each in counts)


def open_count(client: "redis.Redis") -> int:
    """Return how many notifications have no outcome yet."""
    return int(client.hget(LEDGER, "accepted") or 0) - outcomes(client)


def unpublished(client: "redis.Redis") -> int:
    """Return how many notifications are not events: duplicates and dead letters count as waiting,
    since they are no work worth measuring.
    """
    accepted, published = client.hmget(LEDGER, ["accepted", "published"])
    return int(accepted or 0) - int(published or 0)


def delivered(client: "redis.Redis", sink: str) -> int:
    """Return how many events a sink has got."""
    return int(client.hget(SINKS, f"{sink}:delivered") or 0)


def oldest_open(client: "redis.Redis") -> float:
    """Return the seconds since the oldest open notification was stored; 0 when none is open."""
    with client.pipeline(transaction=True) as pipe:
        pipe.xpending(INBOUND, GROUP)
        pipe.xinfo_groups(INBOUND)
        pipe.time()
        pending, groups, (seconds, micros) = pipe.execute()
    if pending["pending"]:
        oldest = pending["min"]
    else:
        last = next(each for each in groups if each["name"] == GROUP.encode())
        after = b"(" + last["last-delivered-id"]
        waiting = client.xrange(INBOUND, after, "+", count=1)
        if not waiting:
            return 0.0
        oldest = waiting[0][0]
    stored = int(oldest.partition(b"-")[0]) / 1e3
    age: float = seconds + micros / 1e6 - stored
    return max(0.0, age)


@contextlib.contextmanager
def worker(server: Server) -> Iterator[Process]:
    """Run `python -m workers` with one normalise worker."""
    environ = {"REDIS_URL": server.url, "RECEIVER_WORKERS": "1"}
    with running(python("-m", "workers"), environ) as process:
        yield process


@contextlib.contextmanager
def warm_worker(server: Server) -> Iterator[Process]:
    """Run a worker that has imported what it needs and published its first 2,000."""
    fill(server, 2000, first=9_000_000)
    with worker(server) as process:
        until(lambda: open_count(server.client) == 0, process, 60)
        time.sleep(0.2)
        yield process


def _entries(kinds: Sequence[str], first: int) -> Iterator[bytes]:
    callbacks = {callback.path: callback for callback in CALLBACKS}
    for number in itertools.count(first):
        name = kinds[number % len(kinds)]
        kind = notifications.KINDS[name]
        head = [line.encode().split(b": ", 1) for line in kind.headers]
        headers = [(field, _numbered(value, number)) for field, value in head]
        request = Request(kind.content_type, headers, notifications.body(name, number))
        receipt, now = secrets.token_hex(16)[:27], time.time_ns() // 1_000_000
        yield from accept(callbacks[kind.path], "default", receipt, now, request, "").notifications


def _numbered(text: bytes, number: int) -> bytes:
    return text.replace(notifications.MARK.encode(), b"%07d" % number)
