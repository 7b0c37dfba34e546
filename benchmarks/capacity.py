"""What hosts of other sizes would take, by the processor time of each process, and checks of that.

The model: all processes are measured together on two processors, with more requests at a time than
they can keep up with: what each takes of a processor for one notification, and which share of the
processors all of them use. The rest is waiting, for the disk and for each other. Processes that are
held to one processor use it up; where the kernel moves them, and for Valkey with its one thread, a
rate ends at that share. The first is held against measurements with the same processes, the load
generator too, held to one processor and to one each.
"""

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
USED = ("load", "web", "worker", "valkey")
CONNECTIONS = 512
"""As many as may be in flight by default: the load generator is never what is waited for."""
Part = dict[str, Any]


class Placement(NamedTuple):
    """Which processors each process is held to, by number."""

    name: str
    front: tuple[int, ...]
    """Web process and load generator."""
    back: tuple[int, ...]
    """Valkey and worker."""


TOGETHER = Placement("all on both", (0, 1), (0, 1))
CHECKED = (
    Placement("all on one", (0,), (0,)),
    Placement("web process and load on one, Valkey and worker on the other", (0,), (1,)),
)


def rate(together: Result, cores: int, hosts: int = 0) -> float:
    """Return the notifications a second that are taken in and published: all on one machine of so
    many cores, or on so many hosts of this size beside Valkey's, each for web and worker alike.
    """
    ours, processor = together["web"] + together["worker"], 1e6 * together["share"]
    all_of_it = processor * cores / (ours + together["valkey"])
    room = processor * cores * hosts / ours if hosts else all_of_it
    return min(room, processor / together["valkey"])


def predicted(together: Result, where: Placement) -> float:
    """Return the same for one web process and one worker that are held to one processor, beside the
    load generator, or to one for the front and one for the back.
    """
    front, back = together["web"] + together["load"], together["worker"] + together["valkey"]
    return 1e6 / (front + back if where.front == where.back else max(front, back))


def placed(where: Placement, seconds: float = 4) -> Result:
    """Return the notifications a second from the first request until the last one is published,
    what each process took for one of them, all held to these processors, and which share of the
    processors that was.
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
            loaded(replace(target, first=1), 2, CONNECTIONS)
            until(lambda: books.open_count(client) == 0, worker, 120)
            processes = (running.process, worker, running.server.process)
            begin, took = client.time(), [spent(each) for each in processes]
            load = loaded(replace(target, first=5_000_000), seconds, CONNECTIONS)
            until(lambda: books.open_count(client) == 0, worker, 120, pause=0.05)
            web, work, valkey = (each() / load["answered"] for each in took)
        last = int(client.xinfo_stream(EVENTS)["last-generated-id"].partition(b"-")[0])
        passed = last / 1e3 - begin[0] - begin[1] / 1e6
    used = {"load": load["load"], "web": web, "worker": work, "valkey": valkey}
    found = {"rate": load["answered"] / passed, "acknowledged": load["rate"]}
    count = len({*where.front, *where.back})
    return used | found | {"share": sum(used.values()) * found["rate"] / 1e6 / count}


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


def collect(rounds: int) -> Part:
    """Return the costs of each kind, of messages all together, and the checks, round by round."""
    part: Part = {"costs": {kind: [] for kind in notifications.KINDS}, "together": [], "checks": []}
    for _ in range(rounds):
        for kind, found in part["costs"].items():
            found.append(measure(kind))
        part["together"].append(placed(TOGETHER))
        part["checks"] += [{"name": where.name} | placed(where) for where in CHECKED]
    return part


def report(part: Part) -> str:
    """Return what each kind costs, what the model makes of it, and how that compares."""
    rows = [
        [kind, *(shown([each[name] for each in rounds], 1) for name in COSTS)]
        for kind, rounds in part["costs"].items()
    ]
    head = ["us of processor for one", "web", "worker", "Valkey, to store", "to publish"]
    together = {name: middle(part["together"], name) for name in (*USED, "share")}
    sizes = [
        [f"{cores} cores", f"{rate(together, cores):,.0f}"]
        + [f"{rate(together, cores, hosts):,.0f}" for hosts in HOSTS]
        for cores in CORES
    ]
    places = ["messages a second", "all on one machine"] + [
        f"Valkey and {hosts} host{'s' * (hosts > 1)}" for hosts in HOSTS
    ]
    return "\n\n".join([table(head, rows), _checked(part), table(places, sizes)])


def _checked(part: Part) -> str:
    """Return what all processes did together, and the rates beside what the same round predicts by
    that.
    """
    rows = [[TOGETHER.name, "-", *_measured(part["together"], "-")]]
    for where in CHECKED:
        some = [each for each in part["checks"] if each["name"] == where.name]
        model = [predicted(each, where) for each in part["together"]]
        pairs = zip(model, some, strict=True)
        off = [100 * (each / found["rate"] - 1) for each, found in pairs]
        rows.append([where.name, shown(model), *_measured(some, shown(off))])
    head = ["held to processors", "predicted/s", "measured/s", "off by, %", "of processors, %"]
    return table([*head, "us: load", "web", "worker", "Valkey"], rows)


def _measured(rounds: list[Result], off: str) -> list[str]:
    share = shown([100 * each["share"] for each in rounds])
    used = [f"{middle(rounds, name):.0f}" for name in USED]
    return [shown([each["rate"] for each in rounds]), off, share, *used]
