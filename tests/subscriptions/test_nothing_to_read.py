"""An operator that lets nobody read a subscription: it is asked seldom, and deletions are proved by
what it says to DELETE.
"""

from typing import Any

from tests.support.controlling import DEVICES, Controlled
from tests.support.eventually import eventually

ONE = DEVICES[0]


def refuse_to_show(fleet: Controlled) -> None:
    fleet.operator.control("faults", operation="get", effect="status", status=403, times=0)


def test_one_that_may_not_be_read_is_deleted_once_the_operator_does_not_know_it_any_more(
    fleet: Controlled,
) -> None:
    fleet.wants(ONE)
    fleet.start()
    fleet.settled(ONE)
    refuse_to_show(fleet)
    fleet.order(do="renew", slot=fleet.slots()[0].id)
    eventually(lambda: fleet.requests()["delete 204"] == 1)
    fleet.settled(ONE)
    assert fleet.requests()["create 201"] == 2


def test_a_silent_one_that_may_not_be_read_is_not_asked_for_without_rest(
    fleet: Controlled,
) -> None:
    fleet.more = "silent_hours = 0.1"
    fleet.wants(ONE)
    fleet.start()
    fleet.settled(ONE)
    refuse_to_show(fleet)
    fleet.passed(1000)

    def rests() -> bool:
        [attempt] = fleet.slots()[0].attempts
        now: Any = fleet.redis.time()
        return bool(attempt.next > now[0] + 1000 + 50)

    eventually(rests)
    assert fleet.states() == ["active"]


def test_one_that_may_not_be_read_is_active_when_the_list_says_so(fleet: Controlled) -> None:
    fleet.operator.control("settings", creation={"answer": 202, "active_after": 0.5})
    refuse_to_show(fleet)
    fleet.start()
    eventually(lambda: fleet.states() == ["active"] * len(DEVICES), within=30)
    fleet.renewed()
