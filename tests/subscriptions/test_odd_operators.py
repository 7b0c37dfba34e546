"""Operators that lose subscriptions, and that answer as no definition has it."""

import json
from typing import Any

import pytest

from receiver.contract.redis_keys import SUBSCRIPTION_IDS, SUBSCRIPTION_SETS
from receiver.outbound import Answer
from receiver.subscriptions.api_versions import parse_subscription
from receiver.subscriptions.creation_outcome import classify
from tests.support.controlling import DEVICES, Controlled
from tests.support.eventually import eventually

DAY = 86_400.0


def test_what_the_operator_has_lost_without_a_word_is_made_anew(fleet: Controlled) -> None:
    fleet.start()
    fleet.settled()
    first = fleet.ids()
    one = min(first)
    fleet.operator.control("end", id=one, notify=False)
    eventually(lambda: len(fleet.live()) == len(DEVICES))
    fleet.settled()
    assert first - fleet.ids() == {one}
    fleet.passed(120)  # three that end within a minute of their creation would stop the set
    fleet.operator.control("end", all=True, notify=False)
    eventually(lambda: len(fleet.live()) == len(DEVICES))
    fleet.settled()
    assert not first & fleet.ids()
    assert float(fleet.redis.hget(SUBSCRIPTION_SETS, "fleet:gap_seconds")) > 0  # type: ignore[arg-type]


@pytest.mark.parametrize("beside", ["the index of ids is gone", "the operator answers 410"])
def test_what_the_operator_has_lost_is_made_anew_also_where(fleet: Controlled, beside: str) -> None:
    fleet.start()
    fleet.settled()
    one = fleet.live()[0]["id"]
    if "410" in beside:
        fleet.operator.control("faults", operation="get", effect="status", status=410, times=0)
    else:
        fleet.redis.delete(SUBSCRIPTION_IDS)
    fleet.operator.control("end", id=one, notify=False)
    eventually(lambda: len(fleet.live()) == len(DEVICES))


def test_a_list_that_is_capped_has_nobody_checked_that_it_does_not_show(fleet: Controlled) -> None:
    fleet.operator.control("settings", list={"cap": 1})
    fleet.start()
    fleet.settled()
    lists = fleet.requests()["list 200"]
    eventually(lambda: fleet.requests()["list 200"] >= lists + 3)
    assert fleet.requests()["create 201"] == len(DEVICES)
    assert not any(each.next for slot in fleet.slots() for each in slot.attempts)


def test_an_end_before_the_beginning_does_not_renew_again_and_again(fleet: Controlled) -> None:
    fleet.operator.control("clock", ahead=-DAY)
    fleet.operator.control("settings", limits={"max_seconds": 3600})
    fleet.start()
    fleet.settled()
    fleet.renewed()
    assert fleet.requests()["create 201"] == 2 * len(DEVICES)
    for slot in fleet.slots():
        [attempt] = slot.attempts
        assert 1700 < attempt.renew - attempt.created < 1900


@pytest.mark.parametrize("longest", [0, 3600])
def test_a_lost_answer_is_found_in_a_list_that_shows_no_tags(
    fleet: Controlled, longest: float
) -> None:
    shorter = {"max_seconds": longest}  # then only what was asked for is told
    fleet.operator.control("settings", list={"show_query": False}, limits=shorter)
    fleet.operator.control("faults", operation="create", effect="lost", times=2)
    fleet.start()
    fleet.settled()
    assert len(fleet.operator.books()["subscriptions"]) == len(DEVICES)


def test_a_list_that_is_not_found_is_one_without_subscriptions(fleet: Controlled) -> None:
    fleet.operator.control("settings", list={"empty": "404"})
    fleet.operator.control("faults", operation="create", effect="drop", times=len(DEVICES))
    fleet.start()
    fleet.settled()


def test_an_operator_that_neither_answers_nor_lists_is_asked_for_few(fleet: Controlled) -> None:
    fleet.operator.control("settings", list={"lag": DAY})
    fleet.operator.control("faults", operation="create", effect="no-id", times=0)
    fleet.start()
    eventually(lambda: [slot.failures for slot in fleet.slots()] == [3] * len(DEVICES))
    now = float(fleet.redis.time()[0])
    assert all(slot.rest > now + 3000 for slot in fleet.slots())
    assert len(fleet.live()) == 3 * len(DEVICES)


def test_an_id_may_be_a_number() -> None:
    for document in ({"id": 17}, {"subscriptionId": 17}, {"id": "17"}):
        found = parse_subscription(document)
        assert found
        assert found.id == "17"
    wrongs: tuple[Any, ...] = (True, 1.5, ["17"], {}, "", 0, None)
    for wrong in wrongs:
        assert parse_subscription({"id": wrong}) is None


@pytest.mark.parametrize("wrong", ["9" * 100_000, ".", ".."])
def test_an_id_that_fits_into_no_url_is_none(wrong: str) -> None:
    answer = Answer(status=201, headers={}, body=json.dumps({"id": wrong}).encode())
    found = classify(answer)
    assert (found.kind, found.error) == ("unknown", "201 without an id")


def test_an_operator_that_points_elsewhere_has_created_nothing(fleet: Controlled) -> None:
    fleet.operator.control("faults", effect="redirect", times=0)
    fleet.start()
    eventually(lambda: fleet.states() == ["failing"] * len(DEVICES))
    assert {slot.error for slot in fleet.slots()} == {"307"}
    fleet.operator.control("clear-faults")
    fleet.settled()


@pytest.mark.parametrize(
    ("shown", "device"),
    [
        ({"phoneNumber": "+1", "ipv4Address": None}, {"phoneNumber": "+1"}),
        (
            {
                "phoneNumber": None,
                "ipv4Address": {"publicAddress": "84.125.93.10", "privateAddress": None},
            },
            {"ipv4Address": {"publicAddress": "84.125.93.10"}},
        ),
        (
            {"phoneNumber": "+1", "ipv4Address": {"publicAddress": None, "publicPort": None}},
            {"phoneNumber": "+1"},
        ),
    ],
)
def test_a_device_that_is_shown_with_empty_identifiers_is_the_same_device(
    shown: dict[str, Any], device: dict[str, Any]
) -> None:
    found = parse_subscription({"id": "a", "config": {"subscriptionDetail": {"device": shown}}})
    assert found
    assert found.device == device
