"""An operator that refuses everybody for a while: what lives is left alone, and nothing is asked
faster than it wants.
"""

from datetime import datetime

from tests.support.controlling import DEVICES, Controlled
from tests.support.eventually import eventually

ANOTHER = "+12065550109"
HOUR = 3600.0
MANY = [f"+1206555{number:04}" for number in range(30)]


def test_a_storm_of_401_leaves_what_lives_alone(fleet: Controlled) -> None:
    fleet.start()
    fleet.settled()
    first = fleet.ids()
    fleet.operator.control("forget-tokens")
    fleet.operator.control("faults", effect="status", status=401, times=0)
    fleet.wants(*DEVICES, ANOTHER)
    fleet.renew()
    eventually(lambda: sum(n for name, n in fleet.requests().items() if name.endswith("401")) > 12)
    assert fleet.ids() == first
    assert "delete 401" not in fleet.requests()
    fleet.operator.control("clear-faults")
    eventually(lambda: not first & fleet.ids())
    fleet.unhurt(*DEVICES, ANOTHER)


def test_a_retry_after_for_ever_is_kept_to(fleet: Controlled) -> None:
    fleet.start()
    fleet.settled()
    first = fleet.ids()
    fleet.operator.control("faults", effect="status", status=429, retry_after=1, times=0)
    fleet.wants(*DEVICES, ANOTHER)
    fleet.renew()
    eventually(lambda: len(refused(fleet)) > 10)
    first_at, *_, last_at = times = refused(fleet)
    # What is under way together, eight at most, is refused together; then a second goes by.
    assert len(times) <= 8 * (1 + (last_at - first_at) / 0.9)
    assert fleet.ids() == first
    fleet.operator.control("clear-faults")
    eventually(lambda: not first & fleet.ids())
    fleet.unhurt(*DEVICES, ANOTHER)


def refused(fleet: Controlled) -> list[float]:
    """When the operator answered 429."""
    calls = fleet.operator.books()["calls"]
    return [
        datetime.fromisoformat(each["at"]).timestamp() for each in calls if each["answer"] == 429
    ]


def test_a_quota_that_is_used_up_is_not_asked_for_again_and_again(fleet: Controlled) -> None:
    fleet.wants(*MANY)
    fleet.operator.control("settings", limits={"quota": 20})
    fleet.start()
    eventually(lambda: fleet.states() == ["active"] * 20 + ["failing"] * 10)
    first = fleet.ids()
    pauses = fleet.requests()["create 429"]
    eventually(lambda: fleet.requests()["create 429"] > pauses)
    assert fleet.ids() == first
    fleet.operator.control("settings", limits={"quota": 0})
    fleet.unhurt(*MANY)


def test_a_renewal_that_a_full_quota_refuses_replaces_its_predecessor_in_its_last_hour(
    fleet: Controlled,
) -> None:
    fleet.more = "days = 1"
    fleet.operator.control("settings", limits={"quota": 1})
    fleet.wants(DEVICES[0])
    fleet.start()
    fleet.settled(DEVICES[0])
    [slot] = fleet.slots()
    [first] = slot.attempts
    fleet.passed(first.ends - first.created - 2 * HOUR)
    eventually(lambda: fleet.slots()[0].no_room)
    refusals = fleet.requests()["create 429"]
    eventually(lambda: fleet.requests()["create 429"] > refusals)
    assert fleet.ids() == {first.subscription}
    assert fleet.slots()[0].error == "429 QUOTA_EXCEEDED"
    fleet.passed(first.ends - first.created - HOUR / 2)
    eventually(lambda: fleet.ids() - {first.subscription})
    fleet.settled(DEVICES[0])
    assert not fleet.slots()[0].no_room
    assert fleet.requests()["create 201"] == 2
    gap = fleet.redis.hget("receiver:subscriptions:sets", "fleet:gap_seconds")
    assert 0 < float(gap or 0) < 60


def test_a_list_that_shows_twenty_makes_nothing_twice_and_deletes_nothing(
    fleet: Controlled,
) -> None:
    fleet.operator.control("settings", list={"cap": 20})
    fleet.wants(*MANY)
    fleet.start()
    fleet.settled(*MANY)
    fleet.renewed(*MANY)
    assert fleet.requests()["create 201"] == 2 * len(MANY)
