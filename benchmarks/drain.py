"""How fast one worker empties a backlog.

Ours normalises, deduplicates and publishes mixed kinds. The peers' jobs do nothing at all, which is
the most that can be said for their queues; RQ gets fewer of them, or it would take all day.
"""

import json
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import redis
from rq import Queue

from benchmarks import books, notifications
from benchmarks.calm import Result
from benchmarks.contenders import BULLMQ, OURS, PEER, TEXTBOOK, Contender
from benchmarks.processes import Process, Server, python, running, until, valkey
from benchmarks.rounds import Round, against, disturbance, shown, table, values

FORKLESS = replace(TEXTBOOK, letter="b'", name="RQ, SimpleWorker: no fork for each job")
BACKLOG = 50_000
RQ_SHARE = 50
"""RQ's backlog is this many times smaller."""


def present() -> list[Contender]:
    """Return those whose worker runs here."""
    return [each for each in (TEXTBOOK, FORKLESS, BULLMQ, OURS) if not each.needs()]


def measure(
    contender: Contender,
    backlog: int = BACKLOG,
    kinds: Sequence[str] = notifications.MIXED,
    workers: int = 1,
) -> Result:
    """Fill an empty Valkey, start one worker, time it from its first outcome to its last."""
    prepare, command, remaining = _WAYS[contender.letter]
    with valkey(contender.fsync) as server:
        total = prepare(server, backlog, kinds)
        count = str(workers)
        environ = {"REDIS_URL": server.url, "RECEIVER_WORKERS": count, "NODE_ENV": "production"}
        with running(command(server), environ) as process:
            rate = timed(lambda: remaining(server.client), total, process)
    return {"rate": rate, "backlog": total}


def timed(remaining: Callable[[], int], total: int, process: Process) -> float:
    """Return outcomes per second, without the time the process took to get going."""
    until(lambda: remaining() < total, process, 60)
    begin, first = time.perf_counter(), remaining()
    until(lambda: remaining() == 0, process, 600)
    return first / (time.perf_counter() - begin)


def report(rounds: list[Round]) -> str:
    """Return the rates and how ours compares."""
    rows = [
        [
            each.title,
            f"{values(rounds, each.letter, 'backlog')[0]:,.0f}",
            shown(values(rounds, each.letter, "rate")),
        ]
        for each in (TEXTBOOK, FORKLESS, BULLMQ, OURS)
        if values(rounds, each.letter, "rate")
    ]
    head = ["one worker", "backlog", "per second"]
    pairs = [("e", "b"), ("e", "b'"), ("e", "c")]
    return "\n\n".join([table(head, rows), disturbance(rounds), against(rounds, pairs, 1)])


def _fill_ours(server: Server, backlog: int, kinds: Sequence[str]) -> int:
    books.fill(server, backlog, kinds=kinds)
    return backlog


def _fill_rq(server: Server, backlog: int, _kinds: Sequence[str]) -> int:
    queue = Queue("notifications", connection=server.client)
    few = backlog // RQ_SHARE
    for number in range(few):
        body = json.loads(notifications.body("message", number))
        queue.enqueue("benchmarks.textbook_job.publish", body)
    return few


def _fill_bullmq(server: Server, backlog: int, _kinds: Sequence[str]) -> int:
    fill_bullmq(server, (notifications.body("message", number) for number in range(backlog)))
    return backlog


def fill_bullmq(server: Server, jobs: Iterable[bytes]) -> None:
    """Enqueue jobs with these contents."""
    command, environ = ["node", str(PEER / "fill.mjs")], {"REDIS_URL": server.url}
    subprocess.run(command, input=b"\n".join(jobs), env=environ, check=True)


def _rq_worker(*flags: str) -> Callable[[Server], list[str]]:
    command = python("-m", "rq.cli", "worker", "--quiet", *flags)
    return lambda server: [*command, "--url", server.url, "notifications"]


def _left_in(*lists: str) -> Callable[["redis.Redis"], int]:
    return lambda client: sum(int(client.llen(name)) for name in lists)


bullmq_left = _left_in("bull:notifications:wait", "bull:notifications:active")
_RQ_LEFT = _left_in("rq:queue:notifications", "rq:queue:notifications:intermediate")
_Way = tuple[
    Callable[[Server, int, Sequence[str]], int],
    Callable[[Server], list[str]],
    Callable[["redis.Redis"], int],
]
_WAYS: dict[str, _Way] = {
    OURS.letter: (_fill_ours, lambda _: python("-m", "workers"), books.unpublished),
    TEXTBOOK.letter: (_fill_rq, _rq_worker(), _RQ_LEFT),
    FORKLESS.letter: (_fill_rq, _rq_worker("--worker-class", "rq.SimpleWorker"), _RQ_LEFT),
    BULLMQ.letter: (
        _fill_bullmq,
        lambda _: ["node", str(PEER / "worker.mjs")],
        bullmq_left,
    ),
}
