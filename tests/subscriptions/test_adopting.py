"""An orphan that has ended when somebody wants to adopt it."""

import pytest

from tests.support.controlling import Controlled
from tests.support.dying_controller import USUAL
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
