"""What is remembered, and what it takes: Valkey per notification and identity, our processes."""

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import redis

from benchmarks import books, notifications
from benchmarks.calm import Result
from benchmarks.contenders import OURS, door
from benchmarks.footprint import resident_megabytes
from benchmarks.load import opened
from benchmarks.processes import Process, Server, until, valkey


def waiting(count: int = 100_000, path: str = "/att/sms/mo") -> Result:
    """Bytes of Valkey per waiting notification, and the goal: 1.2 times its body and 100 bytes."""
    with valkey() as server:
        before = _used(server)
        books.fill(server, count, paths=(path,))
        each = (_used(server) - before) / count
    size = len(notifications.body(path, 0))
    return {"count": count, "body": size, "bytes": each, "goal": 1.2 * size + 100}


def identities(count: int) -> Result:
    """Bytes of Valkey per remembered identity: what is free once they are forgotten."""
    with valkey() as server, books.warm_worker(server) as worker:
        books.fill(server, count)
        books.ring(server)
        until(lambda: books.open_count(server.client) == 0, worker, 600)
        return {"count": count, "bytes": _freed(server) / (count + 2000)}


def resident(count: int = 1_000_000, rate: float = 6000) -> list[Result]:
    """Resident memory of our processes while very many notifications go through them."""
    samples = []
    with valkey() as server, books.worker(server) as worker, door(OURS, server) as running:
        target = replace(running.target, first=1)
        with ThreadPoolExecutor(1) as pool:
            load = pool.submit(opened, target, rate, 64, count / rate)
            while not load.done():
                samples.append(_sample(server, running.process, worker))
                time.sleep(1)
        until(lambda: books.open_count(server.client) == 0, worker, 120)
        samples.append(_sample(server, running.process, worker))
    return samples


def _sample(server: Server, web: Process, worker: Process) -> Result:
    """Megabytes of the largest process of each; supervisors are smaller."""
    return {
        "outcomes": books.outcomes(server.client),
        "web": max(resident_megabytes(web).values()),
        "worker": max(resident_megabytes(worker).values()),
    }


def _used(server: Server) -> int:
    return int(server.client.info("memory")["used_memory"])


def _freed(server: Server) -> int:
    """Only identities are kept in sets under a name of ours."""
    client: redis.Redis = server.client
    keys = list(client.scan_iter("receiver:*", count=10_000, _type="set"))
    before = _used(server)
    for begin in range(0, len(keys), 1000):
        client.delete(*keys[begin : begin + 1000])
    return before - _used(server)


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    said = parser.parse_args()
    print(json.dumps({"waiting": [waiting(path=path) for path in notifications.KINDS]}))
    print(json.dumps({"identities": [identities(each) for each in (10_000, 100_000, said.count)]}))
    samples = resident(said.count)
    print(json.dumps({"resident": samples[:: max(1, len(samples) // 10)] + samples[-1:]}))


if __name__ == "__main__":
    main()
