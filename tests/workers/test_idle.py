"""What workers cost that have nothing to do."""

from typing import Any

from tests.support.eventually import eventually
from tests.support.running import Receiver


def test_a_worker_that_waits_has_redis_write_to_its_disk_now_and_then(receiver: Receiver) -> None:
    receiver.start_worker()
    eventually(lambda: calls(receiver, "blmove") > 0)
    receiver.redis.config_resetstat()
    eventually(lambda: calls(receiver, "blmove") >= 6)  # a second each
    assert calls(receiver, "expire") <= 2  # one with each heartbeat


def calls(receiver: Receiver, command: str) -> int:
    found: Any = receiver.redis.info("commandstats")
    return int(found.get(f"cmdstat_{command}", {"calls": 0})["calls"])
