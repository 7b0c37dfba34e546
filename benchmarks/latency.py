"""How long an acknowledgement takes when the arrivals do not wait for each other (open loop)."""

import socket
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from hiredis import pack_command

from benchmarks import contenders, notifications
from benchmarks.books import warm_worker
from benchmarks.calm import Result, calm
from benchmarks.contenders import BULLMQ, EMPTY, OURS, Contender, fresh
from benchmarks.load import closed, opened, percentile
from benchmarks.processes import valkey
from benchmarks.rounds import Round, disturbance, measured, shown, table, values
from receiver.contract.redis_keys import BELL, INBOUND, LEDGER, REJECTED
from receiver.intake.inbound_writer import script

CONNECTIONS = 64
PEER_AT_HALF = replace(BULLMQ, letter="c/2", name="Fastify + BullMQ, at half of its own rate")
STORE = replace(OURS, letter="store", name="Valkey and its fsync alone")
LONE_RATE = 20.0
"""A notification every 50 ms: each finds an idle system."""


def offered(contender: Contender, rates: Sequence[float], seconds: float) -> list[Result]:
    """Measure one contender at each of the rates, slowest first."""
    results = []
    with fresh(contender) as running:
        closed(replace(running.target, first=1), CONNECTIONS, 3)
        for step, rate in enumerate(rates, 1):
            target = replace(running.target, first=step * 500_000)
            result = calm(partial(opened, target, rate, CONNECTIONS, seconds))
            results.append(result | {"offered": rate})
    return results


def lone(contender: Contender, seconds: float) -> Result:
    """Measure one connection, one notification at a time, nothing else going on."""
    with fresh(contender) as running:
        closed(replace(running.target, first=1), CONNECTIONS, 3)
        return opened(replace(running.target, first=5_000_000), LONE_RATE, 1, seconds)


def lone_with_worker(seconds: float) -> Result:
    """Measure the same of our web process, with the workers normalising what comes in."""
    with valkey() as server, warm_worker(server), contenders.web_process(OURS, server) as running:
        return opened(replace(running.target, first=5_000_000), LONE_RATE, 1, seconds)


def store_alone(seconds: float) -> Result:
    """Measure Valkey and the disk alone: the intake's script from a bare socket, as seldom."""
    took = []
    with valkey() as server, socket.create_connection(("127.0.0.1", server.port)) as line:
        sha = server.client.script_load(script())
        keys = (INBOUND, REJECTED, LEDGER, BELL, "receiver:flusher:benchmark")
        for number in range(1, int(seconds * LONE_RATE) + 1):
            time.sleep(1 / LONE_RATE)
            batch = (1, 10_000, number, 1, 0, notifications.body("message", number))
            words: tuple[Any, ...] = ("EVALSHA", sha, len(keys), *keys, *batch)
            command = pack_command(words)
            begin = time.perf_counter()
            line.sendall(command)
            line.recv(4096)
            took.append(time.perf_counter() - begin)
    took.sort()
    return {"p50": percentile(took, 0.5) * 1e3, "p99": percentile(took, 0.99) * 1e3}


def report_lone(rounds: list[Round]) -> str:
    """Return the latencies of a lone notification, and ours above the empty endpoint's."""
    rows = measured(rounds, contenders.ALL, ("p50", 2), ("p99", 2))
    rows.append(["(e) above (a)", shown(above(rounds), 2), ""])
    if stores := values(rounds, STORE.letter, "p50"):
        rows.append([STORE.name, shown(stores, 2), ""])
        rows.append(["(e) above both", shown(above_store(rounds), 2), ""])
    return table(["a lone notification", "p50 ms", "p99 ms"], rows)


def above(rounds: list[Round]) -> list[float]:
    """Return how much longer (ms) ours takes than the empty endpoint, round by round."""
    return [each["e"]["p50"] - each["a"]["p50"] for each in rounds]


def above_store(rounds: list[Round]) -> list[float]:
    """Return what of that is not the store's own write from a bare socket; empty if not known."""
    stores = values(rounds, STORE.letter, "p50")
    return [one - store for one, store in zip(above(rounds), stores, strict=False)]


def report_half(rounds: list[Round]) -> str:
    """Return the latencies at one rate."""
    rows = [
        [
            each.title,
            f"{values(rounds, each.letter, 'offered')[0]:,.0f}",
            *(shown(values(rounds, each.letter, x), 2) for x in ("p50", "p90", "p99", "p99.9")),
        ]
        for each in (EMPTY, OURS, BULLMQ, PEER_AT_HALF)
        if values(rounds, each.letter, "rate")
    ]
    head = ["contender", "offered/s", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms"]
    return table(head, rows) + "\n\n" + disturbance(rounds)


def report_offered(results: dict[str, list[Result]]) -> str:
    """Return the latencies of each contender at each offered rate."""
    head = ["offered/s", "contender", "answered/s", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "bad"]
    rows = []
    for letter, steps in results.items():
        for step in steps:
            points = [f"{step[name]:,.2f}" for name in ("p50", "p90", "p99", "p99.9")]
            bad = step["non_2xx"] + step["broken"] + step["unanswered"]
            rows.append(
                [f"{step['offered']:,.0f}", letter, f"{step['rate']:,.0f}", *points, f"{bad:.0f}"]
            )
    return table(head, sorted(rows, key=lambda row: (float(row[0].replace(",", "")), row[1])))
