"""Processes that wait for Redis say so when it begins and once a minute, not at every attempt."""

from pathlib import Path
from typing import Any

from tests.runtime.test_log_conditions import said
from tests.support.eventually import eventually
from tests.support.refusing import refusing
from tests.support.running import Receiver

SINK = '[[sink]]\nname = "copy"\nkind = "redis-stream"\nstream = "company:events"\n'
TRIES = 24
"""Connections in which each of the processes has been refused several times."""


def test_workers_that_wait_for_redis_say_so_once_each(receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "receiver.toml").write_text(SINK)
    receiver.also(RECEIVER_PARK_DIR=str(tmp_path / "parked"))
    receiver.start_worker()
    eventually(lambda: waiting(receiver) == 2)
    receiver.valkey.kill()
    with refusing(receiver.valkey.socket) as refused:
        eventually(lambda: refused.count >= TRIES)
    lines = said(receiver, "worker.waits")
    assert sorted(one["queue"] for one in lines) == ["receiver-forward-copy", "receiver-normalise"]
    assert {one["reason"] for one in lines} == {"ConnectionError"}
    receiver.valkey.start()
    eventually(lambda: len(said(receiver, "worker.goes_on")) == 2)
    [*lines] = said(receiver, "redis.trouble")  # of the supervisor and of the one that parks
    assert {one["server"] for one in lines} == {str(receiver.valkey.socket)}
    assert len(lines) <= 2


def waiting(receiver: Receiver) -> int:
    """Workers that wait for a job, and so are wholly started."""
    clients: Any = receiver.redis.client_list()
    return sum(one["cmd"] == "blmove" for one in clients)
