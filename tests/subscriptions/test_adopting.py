"""An orphan that has ended when somebody wants to adopt it."""

import pytest

from tests.support.controlling import DEVICES, Controlled
from tests.support.dying_controller import USUAL
from tests.support.eventually import eventually
from tests.support.subscriptions_command import command, foreign, orphans


@pytest.mark.parametrize("how", ["gone", "inactive"])
def test_an_orphan_that_has_ended_is_not_adopted_and_is_one_no_more(
    fleet: Controlled, how: str
) -> None:
    fleet.secret |= {USUAL: "1"}  # the next search is in an hour
    fault = {"operation": "create", "effect": "status", "status": 409, "code": "ABORTED"}
    fleet.operator.control("faults", times=0, skip=1, **fault)
    name = foreign(fleet)
    if how == "gone":
        fleet.operator.control("end", id=name, notify=False)
        said = "the operator answered 404 NOT_FOUND"
    else:
        fleet.operator.control("status", id=name, status="INACTIVE")
        said = "the operator shows it as INACTIVE: it sends nothing any more"
    done = command(fleet, "adopt", name)
    assert (done.returncode, done.stderr) == (2, f"receiver: {name}: {said}\n")
    assert orphans(fleet) == set()
    assert not any(slot.attempts for slot in fleet.slots())


def test_an_adopted_one_has_its_successor_at_once_whatever_was_refused_before(
    fleet: Controlled,
) -> None:
    fault = {"operation": "create", "effect": "status", "status": 403}
    fleet.operator.control("faults", times=0, skip=1, **fault)  # but for the one made elsewhere
    name = foreign(fleet)
    eventually(lambda: fleet.states() == ["refused"] * 3)
    fleet.operator.control("clear-faults")
    assert command(fleet, "adopt", name).returncode == 0
    eventually(lambda: fleet.phones() == [DEVICES[0]] and name not in fleet.ids(), within=30)
