"""What somebody else wrote where RQ keeps our jobs: it neither ends a worker nor has it wait."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from receiver.contract.redis_keys import NORMALISE_JOB, NORMALISE_QUEUE
from tests.support.valkey import Valkey
from workers import bell
from workers.processes.rq_worker import Worker

QUEUE = f"rq:queue:{NORMALISE_QUEUE}"
STRANGE: dict[str, Callable[[Any, str], object]] = {
    "no time": lambda client, key: client.hset(key, mapping={"data": "x", "created_at": "y"}),
    "no status": lambda client, key: client.hset(key, mapping={"data": "x", "status": "y"}),
    "no number": lambda client, key: client.hset(key, mapping={"data": "x", "timeout": "y"}),
    "no text": lambda client, key: client.hset(key, mapping={"data": "x", "origin": b"\xff"}),
    "no hash": lambda client, key: client.set(key, "x"),
}


def works(client: Any) -> bool:
    """Whether a worker that starts now does a job of ours."""
    stop, done = threading.Event(), list[bool]()

    def job() -> None:
        done.append(True)
        stop.set()

    bell.ring(client)
    late = threading.Timer(30, stop.set)
    late.start()
    Worker(NORMALISE_QUEUE, {NORMALISE_JOB: job}, client, stop).work(logging_level="CRITICAL")
    late.cancel()
    return bool(done)


@pytest.mark.parametrize("kind", STRANGE)
def test_a_job_that_nobody_can_read_is_left_out(valkey: Valkey, kind: str) -> None:
    client: Any = valkey.client()
    STRANGE[kind](client, "rq:job:strange")
    bell.ring(client)
    client.lpush(QUEUE, "strange")
    assert works(client)
    assert client.llen(f"{QUEUE}:intermediate") == 0


@pytest.mark.parametrize("kind", STRANGE)
def test_one_that_a_dead_worker_left_is_none_either(valkey: Valkey, kind: str) -> None:
    client: Any = valkey.client()
    STRANGE[kind](client, "rq:job:strange")
    client.rpush(f"{QUEUE}:intermediate", "strange")
    assert works(client)


def test_what_rq_keeps_of_others_is_no_reason_to_wait(valkey: Valkey) -> None:
    client: Any = valkey.client()
    client.set("rq:groups", "somebody else's")
    assert works(client)
