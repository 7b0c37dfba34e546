"""What hosts of other sizes would take, by the processor time of each process, and checks of that.

The model: a rate ends where a process has used up a processor, or all that share processors have
used them up. Valkey is one process with one thread; web processes and workers are as many as there
is room for. It knows of nothing else that processes share (caches, the disk), so it is held against
measurements with the processes, the load generator too, held to one processor and to two.
"""

import argparse
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import books, notifications
from benchmarks.calm import Result
from benchmarks.contenders import OURS, fresh
from benchmarks.cpu import loaded, measure, middle, spent
from benchmarks.processes import Process, session, until
from benchmarks.rounds import shown, table
from receiver.contract.redis_keys import EVENTS

CORES = (2, 4, 8, 16)
HOSTS = (1, 2, 4)
COSTS = ("web", "worker", "store", "publish")
Part = dict[str, Any]


class Placement(NamedTuple):
    """Which processors each process is held to, by number."""

    name: str
    front: tuple[int, ...]
    """Web process and load generator."""
    back: tuple[int, ...]
    """Valkey and worker."""


PLACEMENTS = (
    Placement("all on one", (0,), (0,)),
    Placement("web process on one, Valkey and worker on the other", (0,), (1,)),
    Placement("all on both", (0, 1), (0, 1)),
)


def rate(cost: Result, cores: int, hosts: int = 0) -> float:
    """Return the notifications a second that are taken in and published: all on one machine of so
    many cores, or on so many hosts of this size beside Valkey's, each for web and worker alike.
    """
    redis = cost["store"] + cost["publish"]
    ours = cost["web"] + cost["worker"]
    if not hosts:
        return min(1e6 * cores / (redis + ours), 1e6 / redis)
    return min(1e6 * cores * hosts / ours, 1e6 / redis)


def predicted(cost: Result, where: Placement) -> float:
    """Return the same for one web process and one worker that are held to processors, beside the
    load generator.
    """
    redis = cost["store"] + cost["publish"]
    front, back = cost["web"] + cost["load"], cost["worker"] + redis
    alone = max(cost["web"], cost["load"], redis, cost["worker"])
    if where.front == where.back:
        return 1e6 / max(alone, (front + back) / len(where.front))
    return 1e6 / max(alone, front / len(where.front), back / len(where.back))


def placed(where: Placement, seconds: float) -> Result:
    """Return the notifications a second from the first request until the last one is published,
    and what each process took for one of them, all held to these processors.
    """
    with fresh(OURS) as running, books.warm_worker(running.server) as worker:
        client, target = running.server.client, running.target
        for process, processors in (
            (running.process, where.front),
            (running.server.process, where.back),
            (worker, where.back),
        ):
            _hold(process, processors)
        with _held(where.front):
            loaded(replace(target, first=1), 2)
            until(lambda: books.open_count(client) == 0, worker, 120)
            processes = (running.process, worker, running.server.process)
            begin, took = client.time(), [spent(each) for each in processes]
            load = loaded(replace(target, first=5_000_000), seconds)
            until(lambda: books.open_count(client) == 0, worker, 120, pause=0.05)
            web, work, valkey = (each() / load["answered"] for each in took)
        last = int(client.xinfo_stream(EVENTS)["last-generated-id"].partition(b"-")[0])
        passed = last / 1e3 - begin[0] - begin[1] / 1e6
    used = {"web": web, "worker": work, "valkey": valkey, "load": load["load"]}
    return used | {"rate": load["answered"] / passed, "acknowledged": load["rate"]}


def _hold(process: Process, processors: Iterable[int]) -> None:
    """Hold a process, with all its threads and those it started, to processors."""
    here = sorted(os.sched_getaffinity(0))
    for number in session(process.popen.pid):
        for task in Path(f"/proc/{number}/task").iterdir():
            os.sched_setaffinity(int(task.name), {here[each] for each in processors})


@contextmanager
def _held(processors: Iterable[int]) -> Iterator[None]:
    """Hold this process and what it starts to processors."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(before)[each] for each in processors})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def collect(rounds: int, seconds: float = 4) -> Part:
    """Return the costs of each kind and the checks, round by round: what a round predicts is held
    against what the same round measures.
    """
    part: Part = {"costs": {kind: [] for kind in notifications.KINDS}, "checks": []}
    for _ in range(rounds):
        for kind, found in part["costs"].items():
            found.append(measure(kind, seconds))
        cost = part["costs"]["message"][-1]
        for where in PLACEMENTS:
            model = {"name": where.name, "predicted": predicted(cost, where)}
            part["checks"].append(model | placed(where, seconds))
    return part


def report(part: Part) -> str:
    """Return what each kind costs, what the model makes of it, and how that compares."""
    rows = [
        [kind, *(shown([each[name] for each in rounds], 1) for name in COSTS)]
        for kind, rounds in part["costs"].items()
    ]
    head = ["us of processor for one", "web", "worker", "Valkey, to store", "to publish"]
    cost = {name: middle(part["costs"]["message"], name) for name in COSTS}
    sizes = [
        [f"{cores} cores", f"{rate(cost, cores):,.0f}"]
        + [f"{rate(cost, cores, hosts):,.0f}" for hosts in HOSTS]
        for cores in CORES
    ]
    places = ["messages a second", "all on one machine"] + [
        f"Valkey and {hosts} host{'s' * (hosts > 1)}" for hosts in HOSTS
    ]
    return "\n\n".join([table(head, rows), table(places, sizes), _checked(part["checks"])])


def _checked(checks: list[Part]) -> str:
    """Return the rates beside what the costs of the same round predict, and what was used."""
    rows = []
    for where in PLACEMENTS:
        some = [each for each in checks if each["name"] == where.name]
        off = [each["predicted"] / each["rate"] - 1 for each in some]
        figures = [shown([each[name] for each in some]) for name in ("predicted", "rate")]
        used = [f"{middle(some, name):.0f}" for name in ("load", "web", "worker", "valkey")]
        rows.append([where.name, *figures, shown([100 * each for each in off]), *used])
    head = ["held to processors", "predicted/s", "measured/s", "off by, %"]
    return table([*head, "us: load", "web", "worker", "Valkey"], rows)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=4)
    said = parser.parse_args()
    part = collect(said.rounds, said.seconds)
    print(json.dumps(part))
    print(report(part))


if __name__ == "__main__":
    main()
