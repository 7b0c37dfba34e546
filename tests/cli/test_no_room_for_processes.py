"""A process that cannot be started for the moment ends nothing that runs."""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.runtime.test_log_conditions import said
from tests.support.eventually import eventually
from tests.support.running import Receiver
from tests.support.up import Up


@contextmanager
def without_room(pid: int) -> Iterator[None]:
    """A process may open no more files until the end of the block, and so start no other."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def test_workers_go_on_where_one_of_them_cannot_be_started_again(
    receiver: Receiver, tmp_path: Path
) -> None:
    receiver.also(RECEIVER_WORKERS="2")
    receiver.start_worker()
    first, other = eventually(lambda: two(receiver))
    assert receiver.worker
    with without_room(receiver.worker.pid):
        os.kill(first, signal.SIGKILL)
        [line, *_] = eventually(lambda: said(receiver, "worker.not_started"))
        assert (line["slot"][-2:], line["reason"]) in [
            (slot, "Too many open files") for slot in ("-0", "-1")
        ]
    eventually(lambda: two(receiver))
    assert other in receiver.worker_processes()
    assert receiver.worker.poll() is None


def two(receiver: Receiver) -> list[int]:
    """Both worker processes, once both are at work."""
    found = receiver.worker_processes()
    return found if len(found) == 2 and receiver.redis.scard("rq:workers") >= 2 else []


def test_up_goes_on_where_web_cannot_be_started_again(tmp_path: Path) -> None:
    with Up(tmp_path) as up:
        up.events(3)
        worker = eventually(lambda: up.pid("-m workers"))
        with without_room(up.process.pid):
            up.signal("receiver web", signal.SIGKILL)
            eventually(lambda: "web cannot be started (Too many open files)" in up.said())
        eventually(up.send)
        assert up.pid("-m workers") == worker
        assert "Traceback" not in up.said()
        assert up.end(signal.SIGINT) == 0
