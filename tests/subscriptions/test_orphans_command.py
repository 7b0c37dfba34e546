"""`receiver subscriptions` on what was made elsewhere: it is listed, adopted and deleted."""

import json
import re
import time
from datetime import UTC, datetime

import pytest

from receiver.contract.redis_keys import subscriptions_orders
from tests.support.controlling import DEVICES, Controlled
from tests.support.dying_controller import USUAL
from tests.support.eventually import eventually
from tests.support.subscriptions_command import (
    command,
    command_line,
    foreign,
    made_elsewhere,
    orphans,
    read,
)


@pytest.mark.parametrize("what", ["adopt", "delete"])
def test_one_that_was_made_elsewhere_is_reported_and_adopted_or_deleted(
    fleet: Controlled, what: str
) -> None:
    fault = {"operation": "create", "effect": "status", "status": 409, "code": "ABORTED"}
    fleet.operator.control("faults", times=0, skip=1, **fault)  # but for the one made elsewhere
    name = foreign(fleet)
    [found] = map(json.loads, command(fleet, "orphans").stdout.splitlines())
    assert (found["operator"], found["id"]) == ("sim", name)
    assert command(fleet, what, name).returncode == 0
    known = [each.subscription for slot in fleet.slots() for each in slot.attempts]
    assert (name in known) == lives(fleet, name) == (what == "adopt")
    fleet.operator.control("clear-faults")
    eventually(lambda: not lives(fleet, name))  # an adopted one is replaced by one with our token
    fleet.settled()


@pytest.mark.parametrize("what", ["adopt", "delete"])
def test_what_is_adopted_or_deleted_is_an_orphan_no_more_before_the_next_search(
    fleet: Controlled, what: str
) -> None:
    fleet.secret |= {USUAL: "1"}  # the next search is in an hour
    fault = {"operation": "create", "effect": "status", "status": 409, "code": "ABORTED"}
    fleet.operator.control("faults", times=0, skip=2, **fault)
    other = made_elsewhere(fleet, "+12065550199")
    name = foreign(fleet)
    assert orphans(fleet) == {name, other}
    done = command(fleet, what, name)
    assert (done.returncode, done.stderr) == (0, "done: see `receiver subscriptions orphans`\n")
    assert orphans(fleet) == {other}
    examined = command_line(fleet, "doctor").stdout
    assert "1 subscriptions at the operator sim send to us and are in no record here" in examined


def test_that_there_is_no_orphan_is_said_with_when_it_was_last_searched(fleet: Controlled) -> None:
    often = "the controllers search once an hour and at their start\n"
    never = command(fleet, "orphans")
    assert (never.returncode, never.stdout) == (0, "")
    assert never.stderr == f"none is known\nsim: not searched yet\n{often}"
    began = time.time()
    fleet.start()
    eventually(lambda: "none is known" not in command(fleet, "orphans").stderr)
    found = command(fleet, "orphans")
    assert (found.returncode, found.stdout) == (0, "")
    first, second, *rest = found.stderr.splitlines(keepends=True)
    assert (first, rest) == ("there is none\n", [often])
    said = re.fullmatch(r"sim: last searched (.*) UTC\n", second)
    assert said
    searched = datetime.strptime(said[1], "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp()
    assert began - 60 <= searched <= time.time()


def lives(fleet: Controlled, subscription: str) -> bool:
    return subscription in fleet.ids()


def test_what_the_operator_refuses_is_said_by_the_command_that_asked_for_it(
    fleet: Controlled,
) -> None:
    fleet.wants(*DEVICES[1:])
    name = foreign(fleet)
    fault = {"effect": "status", "status": 403, "times": 1}
    for operation, what in (("delete", "delete"), ("get", "adopt")):
        fleet.operator.control("faults", operation=operation, **fault)
        found = command(fleet, what, name)
        assert (found.returncode, found.stdout) == (2, "")
        assert found.stderr == f"receiver: {name}: the operator answered 403 PERMISSION_DENIED\n"
    found = command(fleet, "adopt", name)
    assert (found.returncode, "no slot wants its device and type" in found.stderr) == (2, True)
    assert lives(fleet, name)
    assert command(fleet, "delete", name).returncode == 0
    fleet.settled(*DEVICES[1:])


def test_nothing_is_adopted_into_a_slot_whose_own_subscription_lives(fleet: Controlled) -> None:
    fleet.more = "silent_hours = 0"
    name = foreign(fleet)
    eventually(lambda: fleet.states() == ["active"] * 3)
    found = command(fleet, "adopt", name)
    assert (found.returncode, "its slot has one that lives" in found.stderr) == (2, True)
    assert lives(fleet, name)


@pytest.mark.parametrize("status", [429, 503])
def test_an_order_at_which_the_operator_has_no_time_is_done_later(
    fleet: Controlled, status: int
) -> None:
    fleet.wants(*DEVICES[1:])
    name = foreign(fleet)
    fleet.operator.control("faults", operation="delete", effect="status", status=status, times=2)
    assert command(fleet, "delete", name).returncode == 0
    assert fleet.requests()[f"delete {status}"] == 2
    assert not lives(fleet, name)


def test_an_order_that_the_operator_never_carries_out_holds_up_no_other(fleet: Controlled) -> None:
    fleet.wants(*DEVICES[1:])
    name = foreign(fleet)
    fleet.operator.control("faults", operation="delete", effect="status", status=503, times=0)
    base = json.loads(command(fleet, "orphans").stdout)["base"]
    fleet.order(do="delete", base=base, subscription=name)
    fleet.order(do="apply")
    orders = subscriptions_orders("sim")
    eventually(lambda: [json.loads(each)["do"] for each in read(fleet, orders)] == ["delete"])
