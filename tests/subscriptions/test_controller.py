"""The controller makes what is declared what there is, and keeps it."""

import json

import pytest

from receiver.contract.redis_keys import EVENTS
from tests.support.controlling import DEVICES, Controlled
from tests.support.eventually import eventually


def test_each_device_gets_one_subscription_with_a_credential_of_its_own(fleet: Controlled) -> None:
    fleet.start()
    fleet.settled()
    tags = {each["sink"].rpartition("?s=")[2] for each in fleet.live()}
    assert tags == {each["attempt"] for each in fleet.credentials()}
    assert len(tags) == 3
    assert all(each["listener"] == "default" for each in fleet.credentials())


@pytest.mark.parametrize("version", ["v0", "v0.6", "v0.7", "v0.8", "vwip"])
@pytest.mark.parametrize("answer", [201, 202])
def test_every_version_is_spoken_in_both_orders(
    fleet: Controlled, version: str, answer: int
) -> None:
    fleet.version = version
    fleet.operator.control("settings", creation={"answer": answer, "active_after": 0.5})
    fleet.start()
    fleet.settled()


def test_what_is_not_wanted_any_more_is_deleted_but_never_a_whole_fleet(fleet: Controlled) -> None:
    many = [f"+1206555{number:04}" for number in range(20)]
    fleet.wants(*many)
    fleet.start()
    fleet.settled(*many)
    fleet.wants(*many[:-1])
    fleet.settled(*many[:-1])
    fleet.wants(*many[:10])
    eventually(lambda: fleet.redis.hget("receiver:subscriptions:sets", "fleet:deletions") == b"9")
    assert fleet.phones() == many[:-1]
    fleet.order(do="apply", yes=True)
    fleet.settled(*many[:10])


@pytest.mark.parametrize("text", ["", "# nobody\n", "+12065550100\nnobody\n"])
def test_a_file_that_is_empty_or_wrong_deletes_nothing(fleet: Controlled, text: str) -> None:
    fleet.start()
    fleet.settled()
    (fleet.directory / "fleet.txt").write_text(text)
    eventually(lambda: fleet.redis.hget("receiver:subscriptions:sets", "fleet:devices"))
    fleet.settled()


def test_renewal_overlaps_and_leaves_one(fleet: Controlled) -> None:
    fleet.start()
    fleet.settled()
    fleet.renewed()
    assert {slot.generation for slot in fleet.slots()} == {2}


def test_an_operator_that_takes_no_second_one_is_renewed_by_replacement(fleet: Controlled) -> None:
    fleet.operator.control("settings", creation={"refuse_twins": True})
    fleet.start()
    fleet.settled()
    first = fleet.ids()
    fleet.renew()
    eventually(lambda: not first & fleet.ids())
    fleet.settled()
    assert float(fleet.redis.hget("receiver:subscriptions:sets", "fleet:gap_seconds") or 0) > 0


@pytest.mark.parametrize("reason", ["SUBSCRIPTION_EXPIRED", "NETWORK_TERMINATED"])
def test_one_that_the_operator_ends_is_replaced(fleet: Controlled, reason: str) -> None:
    fleet.start()
    fleet.settled()
    victim = fleet.live()[0]["id"]
    fleet.operator.control("end", id=victim, reason=reason)
    data = {"subscriptionId": victim, "reason": reason}
    event = {"type": "subscription.ended.v1", "source": "/x", "id": "1", "data": data}
    fleet.redis.xadd(EVENTS, {"event": json.dumps(event, separators=(",", ":"))})
    eventually(lambda: len(fleet.live()) == 3)
    fleet.settled()
    assert victim not in fleet.ids()


def test_a_device_that_the_operator_refuses_does_not_hold_up_the_others(fleet: Controlled) -> None:
    fleet.operator.control(
        "devices", device={"phoneNumber": DEVICES[1]}, refuse="SERVICE_NOT_APPLICABLE"
    )
    fleet.start()
    eventually(lambda: fleet.states() == ["active", "active", "refused"])
    assert fleet.phones() == [DEVICES[0], DEVICES[2]]
    assert {slot.error for slot in fleet.slots()} == {"", "422 SERVICE_NOT_APPLICABLE"}
