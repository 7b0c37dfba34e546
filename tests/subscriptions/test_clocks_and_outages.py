"""Clocks that are wrong, lives that the operator shortens, an operator that is away for days."""

import time
from functools import partial
from typing import Any

import pytest

from receiver.contract.redis_keys import subscriptions_lease, subscriptions_state
from tests.support.controlling import DEVICES, Controlled
from tests.support.dying_controller import AHEAD
from tests.support.eventually import eventually

DAY = 86_400.0


@pytest.mark.parametrize("ahead", [600, -600, DAY, -DAY])
def test_an_operators_clock_may_be_wrong(fleet: Controlled, ahead: float) -> None:
    fleet.operator.control("clock", ahead=ahead)
    fleet.start()
    fleet.settled()
    fleet.renewed()


def test_redis_clock_may_jump_and_jump_back(fleet: Controlled) -> None:
    fleet.start()
    fleet.settled()
    for ahead in (600, -600, DAY, -DAY, 0):
        fleet.redis.set(AHEAD, int(ahead))
        eventually(partial(goes_by, fleet, ahead))
        fleet.renewed()
    assert fleet.requests()["create 201"] == 6 * len(DEVICES)


@pytest.mark.parametrize("restart", [False, True])
def test_what_waits_when_redis_clock_jumps_back_does_not_wait_for_as_long_as_it_jumped(
    fleet: Controlled, restart: bool
) -> None:
    fleet.operator.control("clock", ahead=DAY)
    fleet.redis.set(AHEAD, int(DAY))
    fault = {"operation": "create", "effect": "status", "status": 409, "code": "ABORTED"}
    fleet.operator.control("faults", times=0, **fault)
    process = fleet.start()
    eventually(lambda: fleet.states() == ["failing"] * 3)
    if restart:
        process.kill()
        process.wait(60)
        fleet.redis.delete(subscriptions_lease("sim"))
    fleet.redis.delete(AHEAD)
    fleet.operator.control("clock", ahead=0)
    if restart:
        fleet.start()
    eventually(partial(goes_by, fleet, 0))
    fleet.operator.control("clear-faults")
    fleet.settled()


def goes_by(fleet: Controlled, ahead: float) -> bool:
    """Whether the controller has noticed that Redis' clock is ahead by so much."""
    seen: Any = fleet.redis.hget(subscriptions_state("sim"), "seen")
    return abs(float(seen or 0) - time.time() - ahead) < 60


def test_a_life_that_the_operator_shortens_is_the_one_that_is_renewed(fleet: Controlled) -> None:
    fleet.operator.control("settings", limits={"max_seconds": DAY})
    fleet.start()
    fleet.settled()
    first = fleet.ids()
    fleet.passed(0.74 * DAY)
    eventually(lambda: fleet.slots()[0].attempts[0].ends)
    assert first == fleet.ids()
    fleet.passed(0.76 * DAY)
    eventually(lambda: not first & fleet.ids())
    fleet.unhurt()


def test_an_operator_that_is_away_for_two_days_of_three_costs_no_gap(fleet: Controlled) -> None:
    fleet.more = "days = 3"
    fleet.start()
    fleet.settled()
    first = fleet.ids()
    fleet.passed(0.6 * DAY)
    fleet.operator.control("faults", operation="any", effect="drop", times=0)
    fleet.operator.control("faults", operation="token", effect="status", status=503, times=0)
    fleet.passed(2.6 * DAY)
    eventually(lambda: all(slot.failures or len(slot.attempts) > 1 for slot in fleet.slots()))
    assert first == fleet.ids()
    fleet.operator.control("clear-faults")
    eventually(lambda: not first & fleet.ids())
    fleet.unhurt()


def test_an_operator_that_is_away_until_all_have_ended_gets_them_anew(fleet: Controlled) -> None:
    fleet.more = "days = 1"
    fleet.start()
    fleet.settled()
    fleet.operator.control("faults", operation="any", effect="status", status=503, times=0)
    fleet.passed(2 * DAY)
    eventually(lambda: not fleet.live())
    fleet.operator.control("clear-faults")
    fleet.settled()
