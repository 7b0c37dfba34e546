"""What an operator has accepted and not activated yet counts for nothing that lives."""

from tests.support.controlling import DEVICES, Controlled
from tests.support.dying_controller import PATIENCE
from tests.support.eventually import eventually


def test_one_that_a_search_finds_before_it_is_activated_ends_no_predecessor(
    fleet: Controlled,
) -> None:
    fleet.secret[PATIENCE] = "15"
    fleet.wants(DEVICES[0])
    fleet.start()
    fleet.settled(DEVICES[0])
    [first] = fleet.ids()
    # It is listed as ACTIVATION_REQUESTED, and the answer to its creation is long in coming.
    fleet.operator.control("settings", creation={"active_after": 600})
    fleet.operator.control("faults", operation="create", effect="drip", delay=240)
    fleet.order(do="renew", slot=fleet.slots()[0].id)
    eventually(lambda: fleet.slots()[0].attempts[-1].subscription not in ("", first))
    lists = fleet.requests()["list 200"]
    eventually(lambda: fleet.requests()["list 200"] >= lists + 3)
    [slot] = fleet.slots()
    assert (slot.state, [each.state for each in slot.attempts]) == (
        "renewing",
        ["active", "pending"],
    )
    assert not any(each.delete for each in slot.attempts)
    assert first in fleet.ids()
    fleet.passed(700)
    eventually(lambda: first not in fleet.ids())
    fleet.unhurt(DEVICES[0])
