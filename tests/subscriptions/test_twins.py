"""One request that the operator carries out twice: two subscriptions with one tag and one token."""

import json

from receiver.contract.redis_keys import EVENTS, SUBSCRIPTION_SETS, subscriptions_state
from tests.support.controlling import DEVICES, Controlled, event_of
from tests.support.eventually import eventually
from tests.support.operators import V08

ENDED = "subscription.ended.v1"


def test_the_end_of_a_twin_does_not_end_the_one_that_its_slot_counts_on(fleet: Controlled) -> None:
    fleet.wants(DEVICES[0])
    fleet.start()
    fleet.settled(DEVICES[0])
    [first] = fleet.slots()[0].attempts
    twin = repeated(fleet)
    eventually(lambda: ends_told(fleet, twin))  # the search for orphans has deleted it
    read(fleet, event_of(first.id, twin, ENDED, reason="SUBSCRIPTION_DELETED"))
    assert [each.ended for each in fleet.slots()[0].attempts] == [""]
    fleet.settled(DEVICES[0])
    assert fleet.ids() == {first.subscription}
    assert fleet.redis.hget(SUBSCRIPTION_SETS, "fleet:ended") is None


def test_a_twin_serves_where_its_slot_has_nothing_else_that_lives(fleet: Controlled) -> None:
    fleet.wants(DEVICES[0])
    fleet.start()
    fleet.settled(DEVICES[0])
    [first] = fleet.slots()[0].attempts
    fleet.operator.control("faults", operation="list", effect="status", status=403, times=0)
    fault = {"operation": "create", "effect": "status", "status": 409, "code": "ABORTED"}
    fleet.operator.control("faults", times=0, skip=1, **fault)
    twin = repeated(fleet)
    fleet.operator.control("end", id=first.subscription)
    read(fleet, event_of(first.id, first.subscription, ENDED, reason="NETWORK_TERMINATED"))
    eventually(lambda: fleet.states() == ["failing"])
    read(fleet, event_of(first.id, twin, reachable=True))
    assert fleet.ids() == {twin}
    fleet.operator.control("clear-faults")
    eventually(lambda: fleet.ids() != {twin})
    fleet.settled(DEVICES[0])


def repeated(fleet: Controlled) -> str:
    """Have the operator carry out once more the last creation that it got; return the twin."""
    bodies = [each.body for each in fleet.operator.sent if each.method == "POST"]
    found: str = fleet.operator.create(json.loads(bodies[-1]), V08)["id"]
    return found


def read(fleet: Controlled, said: bytes) -> None:
    """Publish an event, and wait until the controller has handled it."""
    entry = fleet.publish(said)
    eventually(lambda: fleet.redis.hget(subscriptions_state("sim"), "read") == entry)


def ends_told(fleet: Controlled, subscription: str) -> bool:
    """Whether the sink was told of a subscription's end."""
    return any(
        each["type"].endswith("ended") and each["data"]["subscriptionId"] == subscription
        for each in fleet.sink.events
    )


def test_a_twin_that_is_not_deleted_is_not_asked_about_at_each_of_its_events(
    fleet: Controlled,
) -> None:
    fleet.wants(DEVICES[0])
    fleet.start()
    fleet.settled(DEVICES[0])
    [first] = fleet.slots()[0].attempts
    fleet.renewed(DEVICES[0])
    for operation in ("list", "delete"):
        fleet.operator.control("faults", operation=operation, effect="status", status=403, times=0)
    change = event_of(first.id, "a-late-one", reachable=True)
    events = fleet.redis.pipeline()
    for _ in range(50):
        events.xadd(EVENTS, {"event": change})
    events.execute()
    read(fleet, change)
    assert 1 <= fleet.requests()["delete 403"] <= 5
