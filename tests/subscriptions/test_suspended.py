"""An operator that suspends a subscription, and says so: nobody can make it go on."""

from receiver.contract.redis_keys import SUBSCRIPTION_SETS
from tests.support.controlling import DEVICES, Controlled, event_of
from tests.support.eventually import eventually


def updated(fleet: Controlled, reason: str) -> None:
    """What the worker publishes of `subscription-updated`."""
    [attempt] = fleet.slots()[0].attempts
    kind = "subscription.updated.v1"
    fleet.publish(event_of(attempt.id, attempt.subscription, kind, reason=reason))


def test_one_that_is_suspended_is_replaced_when_the_operator_says_so(fleet: Controlled) -> None:
    fleet.wants(DEVICES[0])
    fleet.start()
    fleet.settled(DEVICES[0])
    [first] = fleet.ids()
    fleet.operator.control("status", id=first, status="INACTIVE")
    updated(fleet, "SUBSCRIPTION_INACTIVE")
    eventually(lambda: fleet.ids() not in (set(), {first}))
    fleet.settled(DEVICES[0])


def test_one_that_is_updated_and_lives_stays(fleet: Controlled) -> None:
    fleet.wants(DEVICES[0])
    fleet.start()
    fleet.settled(DEVICES[0])
    first = fleet.ids()
    updated(fleet, "SUBSCRIPTION_ACTIVE")
    eventually(lambda: fleet.requests()["get 200"])
    fleet.settled(DEVICES[0])
    assert fleet.ids() == first
    assert fleet.redis.hget(SUBSCRIPTION_SETS, "fleet:ended") is None
