"""What another program wrote where a controller's values stand stops neither it nor its slots."""

from typing import Any

import pytest

from receiver.contract.redis_keys import (
    EVENTS,
    SUBSCRIPTION_CREDENTIALS,
    SUBSCRIPTION_CREDENTIALS_CHANGES,
    SUBSCRIPTION_CREDENTIALS_REVISION,
    SUBSCRIPTION_SETS,
    SUBSCRIPTIONS,
    subscriptions_due,
    subscriptions_orders,
    subscriptions_state,
)
from tests.support.controlling import Controlled
from tests.support.eventually import eventually
from tests.support.subscriptions_command import command


@pytest.mark.parametrize("what", ["delete", "adopt"])
@pytest.mark.parametrize("base", ["", "nonsense", "http://127.0.0.1:1/elsewhere/v1"])
def test_an_order_about_a_url_that_is_not_the_operators_is_refused(
    fleet: Controlled, what: str, base: str
) -> None:
    process = fleet.start()
    fleet.settled()
    fleet.order(do=what, base=base, subscription="a")
    eventually(lambda: process.poll() is not None or not orders(fleet))
    assert process.poll() is None
    said = fleet.redis.hget(subscriptions_state("sim"), "refused:a")
    assert said == b"receiver.toml has no such URL of the operator"


@pytest.mark.parametrize(
    "fields",
    [{"read": b"\xff"}, {"read": "1-2-3"}, {"orphans": '[{"base": [], "id": {}}]'}],
)
def test_a_controller_reads_on_whatever_its_last_position_or_list_was(
    fleet: Controlled, fields: Any
) -> None:
    process = fleet.start()
    fleet.settled()
    process.terminate()
    assert process.wait(60) == 0
    state = subscriptions_state("sim")
    fleet.redis.hset(state, mapping=fields)
    fleet.redis.hdel(state, "orphans_searched")
    process = fleet.start()
    eventually(lambda: process.poll() is not None or fleet.redis.hget(state, "orphans_searched"))
    assert process.poll() is None
    entry = fleet.redis.xadd(EVENTS, {"event": "{}"})
    eventually(lambda: fleet.redis.hget(state, "read") == entry)
    assert "redis.trouble" not in fleet.log.read_text()


def test_a_copy_of_another_slots_record_holds_up_none_and_is_removed(fleet: Controlled) -> None:
    process = fleet.start()
    fleet.settled()
    client: Any = fleet.redis
    first = fleet.slots()[0].id
    client.hset(SUBSCRIPTIONS, "fleet:copy", client.hget(SUBSCRIPTIONS, first))
    listed = command(fleet, "show", "fleet").stdout.splitlines()
    assert len(listed) == len(fleet.slots()) - 1
    client.zadd(subscriptions_due("sim", 0), {"fleet:copy": 0})
    eventually(lambda: not client.hexists(SUBSCRIPTIONS, "fleet:copy"))
    fleet.renewed()
    assert process.poll() is None


@pytest.mark.parametrize("where", ["credential", "expires", "counts", "revision"])
def test_a_value_that_is_none_keeps_no_slot_from_its_renewal(fleet: Controlled, where: str) -> None:
    process = fleet.start()
    fleet.settled()
    client: Any = fleet.redis
    digests = [slot.attempts[0].digest for slot in fleet.slots()]
    match where:
        case "credential":
            client.hset(SUBSCRIPTION_CREDENTIALS, mapping=dict.fromkeys(digests, "none"))
        case "expires":
            client.hset(SUBSCRIPTION_CREDENTIALS, mapping=dict.fromkeys(digests, '{"expires":"x"}'))
        case "counts":
            client.hset(SUBSCRIPTION_SETS, "fleet:renewed", "many")
        case "revision":
            client.set(SUBSCRIPTION_CREDENTIALS_REVISION, "many")
    fleet.renewed()
    assert process.poll() is None
    assert "redis.trouble" not in fleet.log.read_text()
    assert client.hget(SUBSCRIPTION_SETS, "fleet:renewed") == b"3"
    newest = client.zrevrange(SUBSCRIPTION_CREDENTIALS_CHANGES, 0, 0, withscores=True)[0][1]
    assert int(client.get(SUBSCRIPTION_CREDENTIALS_REVISION)) == newest > len(digests)


def test_a_count_of_requests_that_is_none_stops_no_controller_and_no_other_count(
    fleet: Controlled,
) -> None:
    client: Any = fleet.redis
    state = subscriptions_state("sim")
    client.hset(state, "requests:201", "many")
    fleet.start()
    fleet.settled()
    eventually(lambda: b'"active":3' in (client.hget(state, "sets") or b""))
    lists = fleet.requests()["list 200"]
    eventually(lambda: fleet.requests()["list 200"] >= lists + 2)
    eventually(lambda: int(client.hget(state, "requests:200")) == fleet.requests()["list 200"])
    assert "redis.trouble" not in fleet.log.read_text()


def orders(fleet: Controlled) -> int:
    """How many are still to be done."""
    found: Any = fleet.redis.llen(subscriptions_orders("sim"))
    return int(found)
