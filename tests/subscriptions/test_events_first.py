"""An event that comes before the operator has said that its subscription lives, and until when."""

import pytest

from tests.support.controlling import DEVICES, Controlled, event_of
from tests.support.eventually import eventually

HOUR = 3600.0


@pytest.mark.parametrize("lost", [False, True])
def test_a_shortened_life_is_learned_also_where_the_first_event_came_first(
    fleet: Controlled, lost: bool
) -> None:
    fleet.wants(DEVICES[0])
    settings = {"creation": {"answer": 202, "active_after": 300}, "limits": {"max_seconds": HOUR}}
    fleet.operator.control("settings", **settings, list={"lag": 300})
    if lost:
        fleet.operator.control("faults", operation="create", effect="lost")
    fleet.start()
    eventually(lambda: reached(fleet, "unknown" if lost else "pending"))
    [attempt] = fleet.slots()[0].attempts
    subscription = fleet.live()[0]["id"]
    fleet.publish(event_of(attempt.id, subscription, reachable=True, connectivity=["DATA"]))
    eventually(lambda: fleet.states() == ["active"])
    fleet.passed(700)
    eventually(lambda: ends_within(fleet, HOUR), within=30)
    assert fleet.requests()["get 200"] < 20
    fleet.settled(DEVICES[0])


def reached(fleet: Controlled, state: str) -> bool:
    return [each.state for slot in fleet.slots() for each in slot.attempts] == [state]


def ends_within(fleet: Controlled, seconds: float) -> bool:
    [attempt] = fleet.slots()[0].attempts
    return attempt.ends < attempt.created + seconds + 60
