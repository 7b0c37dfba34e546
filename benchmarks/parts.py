"""The parts of a whole run: what is measured, how often, for how long."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from benchmarks import (
    ack,
    backlog,
    capacity,
    contenders,
    delivery,
    drain,
    endtoend,
    forward,
    kinds,
    latency,
    machine,
    memory,
    overload,
    proxied,
    startup,
    traced,
)
from benchmarks.calm import Result, calm
from benchmarks.contenders import BULLMQ, EMPTY, OURS, TEXTBOOK, WEBDIS, Contender
from benchmarks.processes import Failed
from benchmarks.rounds import interleave, values

BY_CONNECTIONS = (1, 4, 16, 64, 256)
OFFERED = (500, 1000, 2000, 4000, 6000, 8000, 10_000, 12_000)
BACKLOGS = (5_000, 20_000, 50_000, 200_000, 1_000_000)


@dataclass(frozen=True)
class Plan:
    """How much of everything."""

    rounds: int
    seconds: float


def _ack(plan: Plan) -> Any:
    return interleave(ack.present(), plan.rounds, lambda each: ack.measure(each, 64, plan.seconds))


def _connections(plan: Plan) -> Any:
    return {
        each.letter: ack.by_connections(each, BY_CONNECTIONS, plan.seconds / 2)
        for each in contenders.present()[0]
    }


def _half(plan: Plan) -> Any:
    """Return the measurement at half of what ours acknowledges in the closed loop, measured just
    before: a rate of another day or machine may be more than this one takes. The peer is also
    measured at half of its own.
    """
    rates = {
        each.letter: ack.measure(each, seconds=plan.seconds)["rate"] / 2
        for each in _here(BULLMQ, OURS)
    }

    def measure(contender: Contender) -> Result:
        rate = rates["c" if contender is latency.PEER_AT_HALF else "e"]
        return latency.offered(contender, [rate], plan.seconds)[0]

    return interleave(_here(EMPTY, OURS, BULLMQ, latency.PEER_AT_HALF), plan.rounds, measure)


def _offered(plan: Plan) -> Any:
    chosen = _here(EMPTY, TEXTBOOK, BULLMQ, WEBDIS, OURS)
    rates = {TEXTBOOK.letter: OFFERED[:2]}
    return {
        each.letter: latency.offered(each, rates.get(each.letter, OFFERED), plan.seconds / 2)
        for each in chosen
    }


def _lone(plan: Plan) -> Any:
    chosen = [*_here(EMPTY, OURS, BULLMQ), latency.STORE]

    def measure(contender: Contender) -> Result:
        alone = contender is latency.STORE
        return latency.store_alone(plan.seconds) if alone else latency.lone(contender, plan.seconds)

    rounds = interleave(chosen, plan.rounds, measure)
    stores = {name: values(rounds, latency.STORE.letter, name) for name in ("p50", "p99")}
    return {
        "rounds": rounds,
        "with worker": calm(partial(latency.lone_with_worker, plan.seconds)),
        "store alone": {name: statistics.median(found) for name, found in stores.items()},
    }


def _backlogs(_: Plan) -> Any:
    """Return the peer's only as far as it is quickly filled."""
    sizes = {OURS: BACKLOGS, BULLMQ: BACKLOGS[:4]}
    return {
        each.letter: [calm(partial(drain.measure, each, size)) for size in sizes[each]]
        for each in _here(OURS, BULLMQ)
    }


def _sustained(_: Plan) -> Any:
    return [calm(partial(endtoend.sustained, *each)) for each in ((8000, 60), (10_000, 20))]


def _receipt(plan: Plan) -> Any:
    return [calm(partial(endtoend.receipt_to_event, seconds=20)) for _ in range(plan.rounds)]


def _delivery(plan: Plan) -> Any:
    return [calm(partial(delivery.measure, seconds=2 * plan.seconds)) for _ in range(plan.rounds)]


def _identities(_: Plan) -> Any:
    rates = [memory.identities(rate) for rate in memory.RATES]
    return {"rates": rates, "worker": memory.identities_through_the_worker()}


def _startup(plan: Plan) -> Any:
    return interleave(_here(EMPTY, TEXTBOOK, BULLMQ, OURS), plan.rounds, startup.measure)


def _traces(plan: Plan) -> Any:
    return _unless(traced.missing()) or traced.collect(plan.rounds, plan.seconds)


def _proxied(plan: Plan) -> Any:
    return _unless(proxied.missing()) or proxied.collect(plan.rounds, plan.seconds)


def _unless(missing: str) -> list[Any]:
    if missing:
        raise Failed(f"not installed: {missing}")
    return []


class Part(NamedTuple):
    """One heading of the results."""

    measure: Callable[[Plan], Any]
    seconds: int
    """About how long it takes, as `make bench` does it."""


PARTS = {
    "machine": Part(lambda _: {"report": machine.report(contenders.present()[1])}, 5),
    "ack": Part(_ack, 290),
    "half": Part(_half, 150),
    "lone": Part(_lone, 120),
    "drain": Part(lambda plan: interleave(drain.present(), plan.rounds, drain.measure), 130),
    "forward": Part(lambda plan: interleave(forward.present(), plan.rounds, forward.measure), 110),
    "kinds": Part(lambda plan: kinds.acknowledged(plan.rounds, plan.seconds), 400),
    "drained": Part(lambda plan: kinds.drained(plan.rounds), 220),
    "delivery": Part(_delivery, 80),
    "traces": Part(_traces, 110),
    "proxied": Part(_proxied, 80),
    "cpu": Part(lambda plan: capacity.collect(plan.rounds), 280),
    "sustained": Part(_sustained, 110),
    "receipt": Part(_receipt, 90),
    "overload": Part(lambda plan: overload.measure(plan.seconds), 100),
    "cost": Part(lambda _: backlog.compare(), 150),
    "waiting": Part(lambda _: [memory.waiting()], 5),
    "identities": Part(_identities, 90),
    "resident": Part(lambda _: memory.resident(), 190),
    "startup": Part(_startup, 40),
    "connections": Part(_connections, 160),
    "offered": Part(_offered, 170),
    "backlogs": Part(_backlogs, 150),
}


def _here(*wanted: Contender) -> list[Contender]:
    return [each for each in wanted if not each.needs()]
