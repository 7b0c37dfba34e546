"""An operator that asks for a rest of all: its slots wait, and nothing is prepared in vain."""

import json

from tests.support.controlling import Controlled
from tests.support.eventually import eventually
from tests.support.subscriptions_command import command

MANY = [f"+1206555{number:04}" for number in range(100)]
REST = 8


def test_while_an_operator_wants_to_rest_no_slot_prepares_a_creation_in_vain(
    fleet: Controlled,
) -> None:
    fleet.wants(*MANY)
    fault = {"operation": "create", "effect": "status", "status": 429}
    fleet.operator.control("faults", retry_after=REST, times=1, **fault)
    fleet.start()
    eventually(lambda: fleet.requests()["create 429"] == 1)
    fleet.settled(*MANY)
    # A creation has a credential from before its request; 16 may be under way when the rest begins.
    assert len(fleet.credentials()) <= len(MANY) + 16 + REST


def test_slots_that_wait_for_the_same_say_the_same(fleet: Controlled) -> None:
    fleet.wants(*MANY)
    fleet.operator.control("faults", effect="drop", times=0)
    fleet.start()
    eventually(lambda: sum("repeatedly" in slot.error for slot in fleet.slots()) > 5)
    listed = json.loads(command(fleet, "list").stdout)["refusals"]
    assert [each for each in listed if "repeatedly" in each] == [
        "the operator has failed repeatedly"
    ]
