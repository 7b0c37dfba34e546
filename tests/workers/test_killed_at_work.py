"""A worker that is killed at work counts as alive no longer than one that waits."""

import threading
import time
from datetime import UTC, datetime
from typing import Any

from receiver.contract.redis_keys import NORMALISE_JOB, NORMALISE_QUEUE
from receiver.metrics import snapshot
from tests.support.valkey import Valkey
from workers import bell
from workers.processes.rq_worker import Worker


def test_a_minute_after_it_was_killed_a_worker_is_none(valkey: Valkey) -> None:
    client: Any = valkey.client()
    stop, alive = threading.Event(), list[int]()

    def job() -> None:
        alive.append(snapshot.read(client).workers[NORMALISE_QUEUE])
        a_minute_passes(client, worker.key)
        alive.append(snapshot.read(client).workers[NORMALISE_QUEUE])
        stop.set()

    bell.ring(client)
    worker = Worker(NORMALISE_QUEUE, {NORMALISE_JOB: job}, client, stop)
    worker.work(logging_level="CRITICAL")
    assert alive == [1, 0]


def test_after_a_long_job_redis_has_all_of_a_worker_again(valkey: Valkey) -> None:
    client: Any = valkey.client()
    stop, known = threading.Event(), list[bytes]()

    def job() -> None:
        known.append(client.hget(worker.key, "queues"))
        client.delete(worker.key)  # its time is over
        bell.ring(client)
        if len(known) == 2:
            stop.set()

    bell.ring(client)
    worker = Worker(NORMALISE_QUEUE, {NORMALISE_JOB: job}, client, stop)
    worker.work(logging_level="CRITICAL")
    assert known == 2 * [NORMALISE_QUEUE.encode()]


def a_minute_passes(client: Any, worker: str) -> None:
    """Make what stands in Redis of a worker a minute older."""
    heard = datetime.fromtimestamp(time.time() - 61, UTC).isoformat()
    client.hset(worker, "last_heartbeat", heard)
    client.pexpire(worker, client.pttl(worker) - 61_000)
