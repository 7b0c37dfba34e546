"""An operator that ends all subscriptions at once gets them anew, each once, at its pace."""

import json
from bisect import bisect_left
from datetime import datetime

import pytest

from receiver.contract.redis_keys import EVENTS, SUBSCRIPTION_SETS, SUBSCRIPTIONS
from receiver.subscriptions import operator_state
from tests.support.controlling import Controlled
from tests.support.dying_controller import USUAL
from tests.support.eventually import eventually

HOUR = 3600.0


@pytest.mark.parametrize(
    ("many", "rate"), [(80, 100.0), pytest.param(10_000, 300.0, marks=pytest.mark.soak)]
)
def test_all_end_at_once_and_come_to_life_again_without_a_storm(
    fleet: Controlled, many: int, rate: float
) -> None:
    fleet.rate = rate
    if many > 1000:
        fleet.secret[USUAL] = "1"
    fleet.wants(*(f"+12065{number:06}" for number in range(many)))
    fleet.start()
    eventually(lambda: active(fleet) == many, within=240 + many / 10)
    fleet.passed(HOUR)
    before, first = fleet.requests(), fleet.ids()
    assert fleet.operator.control("end", all=True, notify=False) == {"ended": many}
    began = len(fleet.operator.books()["calls"])
    with fleet.redis.pipeline(transaction=False) as pipe:
        for each in first:
            pipe.xadd(EVENTS, {"event": ended(each)})
        pipe.execute()
    eventually(lambda: active(fleet) == many and live(fleet) == many, within=240 + many / 10)
    fleet.alive()
    books = fleet.operator.books()
    assert not first & {each["id"] for each in books["subscriptions"] if each["live"]}
    assert fleet.requests()["create 201"] == before["create 201"] + many
    calls = books["calls"][began:]
    others = [each for each in calls if each["operation"] not in ("create", "token", "list")]
    # In a hurry, a search for orphans may come before the notices: it looks at each twice.
    assert len(others) < (60 + many / 100 if many > 1000 else 2.5 * many), others[:50]
    assert fastest([each["at"] for each in calls if each["operation"] == "create"]) < 1.2 * rate
    assert fleet.redis.hlen(SUBSCRIPTIONS) == many
    assert fleet.redis.hget(SUBSCRIPTION_SETS, "fleet:ended") == str(many).encode()
    assert float(fleet.redis.hget(SUBSCRIPTION_SETS, "fleet:gap_seconds") or 0) > 0


def ended(subscription: str) -> bytes:
    data = {"subscriptionId": subscription, "reason": "SUBSCRIPTION_EXPIRED"}
    said = {"type": "subscription.ended.v1", "source": "/x", "id": subscription, "data": data}
    return json.dumps(said, separators=(",", ":")).encode()


def active(fleet: Controlled) -> int:
    """Slots that live, by what the controller reports of them."""
    [state] = operator_state.read(fleet.redis, ["sim"])
    return sum(each.states.get("active", 0) for each in state.sets)


def live(fleet: Controlled) -> int:
    found: int = fleet.operator.http.get("/_books?summary").json()["live"]
    return found


def fastest(times: list[str]) -> int:
    """The most requests in one second."""
    moments = sorted(datetime.fromisoformat(each).timestamp() for each in times)
    return max(bisect_left(moments, each + 1) - number for number, each in enumerate(moments))
