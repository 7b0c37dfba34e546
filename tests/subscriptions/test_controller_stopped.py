"""A controller that is stopped, or whose Redis is, leaves one subscription for each slot."""

import json
import signal
from functools import partial
from pathlib import Path

from tests.support.controlling import DEVICES, Controlled
from tests.support.eventually import eventually
from tests.support.refusing import refusing

ANOTHER = "+12065550109"
MANY = [f"+1206555{number:04}" for number in range(20)]


def test_one_stopped_past_its_lease_before_its_turn_posts_nothing_and_is_there_again(
    fleet: Controlled,
) -> None:
    first = fleet.start("stopped before post")
    eventually(lambda: stopped(first.pid))
    second = fleet.start()
    fleet.settled()
    first.send_signal(signal.SIGCONT)
    second.terminate()
    assert second.wait(60) == 0
    fleet.wants(*DEVICES, ANOTHER)
    fleet.unhurt(*DEVICES, ANOTHER)
    assert first.poll() is None
    assert fleet.requests()["create 201"] == 4


def created(fleet: Controlled, least: int) -> bool:
    return fleet.requests()["create 201"] >= least


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


def test_a_redis_that_is_away_is_one_line_however_often_it_is_tried(fleet: Controlled) -> None:
    fleet.start()
    fleet.settled()
    fleet.valkey.kill()
    with refusing(fleet.valkey.socket) as refused:
        eventually(lambda: refused.count >= 6)
    fleet.valkey.start()
    eventually(lambda: lines(fleet, "redis.back"))
    [trouble] = lines(fleet, "redis.trouble")
    assert trouble["server"] == str(fleet.valkey.socket)
    assert trouble["reason"]


def lines(fleet: Controlled, event: str) -> list[dict[str, str]]:
    found = [one for one in fleet.log.read_text().splitlines() if one.startswith("{")]
    return [one for one in map(json.loads, found) if one["event"] == event]
