"""An operator that tells nothing of what it has: no slot waits longer than a subscription lives."""

from typing import Any

import pytest

from receiver.subscriptions.next_step import Policy
from receiver.subscriptions.slots import AttemptState
from tests.subscriptions.test_next_step import needs
from tests.support.controlling import DEVICES, Controlled
from tests.support.dying_controller import AHEAD
from tests.support.eventually import eventually
from tests.support.subscribing import DAY, attempt, slot

ONE = DEVICES[0]


@pytest.mark.parametrize("state", ["unknown", "pending", "deleting"])
def test_an_attempt_is_looked_for_until_it_must_have_ended(state: AttemptState) -> None:
    waits: dict[str, Any] = {"state": state, "ends": 0, "asked_end": DAY}
    looks = {"unknown": "resolve", "pending": "check_alive", "deleting": "delete"}
    busy = Policy(replaces=True)
    assert needs(slot(attempt(next=DAY, delete=DAY, **waits)), busy) == (looks[state], DAY)
    for sooner in ({}, {"ends": DAY, "asked_end": 2 * DAY}):
        over = attempt(next=2 * DAY, delete=2 * DAY, **waits | sooner)
        what, at = needs(slot(over), busy)
        assert what == "remove_attempt"
        assert DAY < at < DAY + 3600


def refuse(fleet: Controlled, *operations: str) -> None:
    for each in operations:
        fleet.operator.control("faults", operation=each, effect="status", status=403, times=0)


def begin(fleet: Controlled) -> None:
    fleet.more = "days = 1"
    fleet.wants(ONE)
    fleet.start()


def in_state(fleet: Controlled, state: str) -> None:
    """Wait until an attempt is in a state, and until the operator was asked about it in vain."""
    eventually(lambda: state in [each.state for slot in fleet.slots() for each in slot.attempts])
    before = refused(fleet)
    eventually(lambda: refused(fleet) > before + 2)


def refused(fleet: Controlled) -> int:
    return sum(number for name, number in fleet.requests().items() if name.endswith("403"))


def test_one_whose_answer_was_lost_is_made_anew_although_no_list_is_given(
    fleet: Controlled,
) -> None:
    fleet.operator.control("faults", operation="create", effect="lost")
    refuse(fleet, "list", "get")
    begin(fleet)
    in_state(fleet, "unknown")
    assert fleet.requests()["create 0"] == 1
    fleet.passed(1.2 * DAY)  # lives differ by a tenth
    eventually(lambda: fleet.states() == ["active"])
    fleet.settled(ONE)
    assert fleet.requests()["create 201"] == 1


def test_a_renewal_whose_answer_was_lost_is_made_anew_although_no_list_is_given(
    fleet: Controlled,
) -> None:
    begin(fleet)
    fleet.settled(ONE)
    refuse(fleet, "list", "get")
    fleet.operator.control("faults", operation="create", effect="lost")
    fleet.order(do="renew", slot=fleet.slots()[0].id)
    in_state(fleet, "unknown")
    fleet.passed(1.2 * DAY)
    eventually(lambda: fleet.phones() == [ONE])
    fleet.settled(ONE)


def test_one_that_nobody_says_is_active_is_made_anew(fleet: Controlled) -> None:
    fleet.operator.control("settings", creation={"answer": 202, "active_after": 9 * DAY})
    refuse(fleet, "get", "list")
    begin(fleet)
    in_state(fleet, "pending")
    fleet.operator.control("settings", creation={"answer": 201, "active_after": 0})
    fleet.operator.control("end", all=True, notify=False)
    fleet.passed(1.2 * DAY)
    fleet.settled(ONE)


def test_one_that_the_operator_does_not_delete_makes_room_for_its_successor_when_it_has_ended(
    fleet: Controlled,
) -> None:
    fleet.of_operator = 'renewal = "replace"'
    begin(fleet)
    fleet.settled(ONE)
    refuse(fleet, "delete")
    fleet.order(do="renew", slot=fleet.slots()[0].id)
    in_state(fleet, "deleting")
    fleet.passed(1.2 * DAY)
    eventually(lambda: fleet.phones() == [ONE])
    fleet.settled(ONE)


def test_one_that_lives_on_after_its_end_is_asked_for_now_and_then(fleet: Controlled) -> None:
    begin(fleet)
    fleet.settled(ONE)
    refuse(fleet, "create")
    fleet.redis.set(AHEAD, int(1.2 * DAY))  # the operator's clock is behind ours
    eventually(lambda: fleet.requests()["get 200"])
    lists = fleet.requests()["list 200"]
    eventually(lambda: fleet.requests()["list 200"] >= lists + 3)
    assert fleet.requests()["get 200"] == 1
    assert fleet.phones() == [ONE]
