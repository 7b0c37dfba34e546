"""A controller that is stopped, or whose Redis is, leaves one subscription for each slot."""

import signal
from functools import partial
from pathlib import Path

import pytest

from tests.support.controlling import Controlled
from tests.support.eventually import eventually

MANY = [f"+1206555{number:04}" for number in range(20)]


@pytest.mark.soak  # on a busy machine it waits for longer than a test may
def test_one_stopped_past_its_lease_before_its_turn_posts_nothing(fleet: Controlled) -> None:
    first = fleet.start("stopped before post")
    eventually(lambda: stopped(first.pid))
    fleet.start()
    fleet.settled()
    first.send_signal(signal.SIGCONT)
    eventually(lambda: "lease_lost" in fleet.log.read_text())
    fleet.unhurt()
    assert fleet.requests()["create 201"] == 3


def created(fleet: Controlled, least: int) -> bool:
    return fleet.requests().get("create 201", 0) >= least


def stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_redis_killed_between_steps_leaves_one_subscription_for_each_slot(
    fleet: Controlled,
) -> None:
    fleet.wants(*MANY)
    fleet.rate = 20.0
    fleet.start()
    for made in (3, 9, 15):
        eventually(partial(created, fleet, made))
        fleet.valkey.restart()
        fleet.redis.connection_pool.disconnect()
    fleet.unhurt(*MANY)
