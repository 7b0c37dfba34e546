"""What goes wrong at a simulated operator, on order."""

import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import pytest

from receiver.simulate.operator.scenario import Fault, Limits, Scenario
from tests.support.eventually import eventually
from tests.support.operators import PHONE, V08, Simulated, asked, simulated

BODY = asked("https://nobody.invalid/events")


@pytest.mark.parametrize(
    ("effect", "applied", "raised"),
    [
        ("lost", 1, httpx2.RemoteProtocolError),
        ("truncated", 1, httpx2.RemoteProtocolError),
        ("drop", 0, httpx2.RemoteProtocolError),
    ],
)
def test_a_client_cannot_tell_from_a_broken_answer_whether_it_was_applied(
    operator: Simulated, effect: str, applied: int, raised: type[Exception]
) -> None:
    operator.control("faults", operation="create", effect=effect)
    with pytest.raises((raised, httpx2.ReadError)):
        operator.request("POST", V08, json=BODY)
    books = operator.books()
    assert (books["live"], books["requests"]["create 0"]) == (applied, 1)
    operator.create(BODY)
    assert operator.books()["live"] == applied + 1


@pytest.mark.parametrize(
    ("fault", "status", "applied"),
    [
        ({"effect": "applied-status", "status": 502}, 502, 1),
        ({"effect": "status", "status": 503}, 503, 0),
        ({"effect": "no-id"}, 202, 1),
        ({"effect": "unreadable"}, 201, 1),
        ({"effect": "redirect"}, 307, 0),
    ],
)
def test_an_answer_may_say_less_than_what_was_done(
    operator: Simulated, fault: dict[str, Any], status: int, applied: int
) -> None:
    operator.control("faults", operation="create", **fault)
    answer = operator.request("POST", V08, json=BODY)
    assert answer.status_code == status
    assert (b"id" in answer.content) is False
    assert operator.books()["live"] == applied


@pytest.mark.parametrize(("effect", "least"), [("huge", 10_000_000), ("drip", 100)])
def test_an_answer_may_be_right_and_hard_to_take(
    operator: Simulated, effect: str, least: int
) -> None:
    operator.control("faults", operation="create", effect=effect, delay=0.2)
    answer = operator.request("POST", V08, json=BODY)
    assert answer.status_code == 201
    assert answer.json()["id"]
    assert len(answer.content) > least


def test_what_a_client_has_given_up_may_be_applied_later(operator: Simulated) -> None:
    operator.control("faults", operation="create", effect="late", delay=3)
    with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
        operator.request("POST", V08, json=BODY)
    assert operator.books()["live"] == 0
    eventually(lambda: operator.books()["live"] == 1)


def test_faults_have_a_number_a_beginning_and_an_end(operator: Simulated) -> None:
    operator.control("faults", operation="list", effect="status", status=500, times=2, skip=1)
    operator.control("faults", effect="status", status=401, times=0)
    assert [operator.request("GET", V08).status_code for _ in range(4)] == [401, 500, 500, 401]
    operator.control("clear-faults")
    assert operator.request("GET", V08).status_code == 200


def test_a_slow_answer_comes_late(operator: Simulated) -> None:
    operator.control("faults", operation="list", effect="slow", delay=0.3)
    begun = time.monotonic()
    assert operator.request("GET", V08).status_code == 200
    assert time.monotonic() - begun > 0.29


def test_a_slow_answer_ends_with_the_operator_without_a_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with ThreadPoolExecutor(1) as pool, simulated() as operator:
        operator.control("faults", operation="list", effect="slow", delay=300)
        asking = pool.submit(operator.request, "GET", V08)
        eventually(lambda: operator.books()["faults"][0]["hits"])
    assert asking.exception()
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_too_many_requests_are_told_when_to_come_again(form: Any) -> None:
    with simulated(Scenario(limits=Limits(rate=0.01, retry_after=form))) as operator:
        headers = operator.token()
        assert operator.request("GET", V08, headers=headers).status_code == 200
        refused = operator.request("GET", V08, headers=headers)
    assert refused.json()["code"] == "TOO_MANY_REQUESTS"
    said = refused.headers["retry-after"]
    assert said == "100" if form == "seconds" else parsedate_to_datetime(said)


def test_the_quota_counts_what_lives() -> None:
    with simulated(Scenario(limits=Limits(quota=1))) as operator:
        made = operator.create(BODY)
        refused = operator.request("POST", V08, json=BODY)
        assert (refused.status_code, refused.json()["code"]) == (429, "QUOTA_EXCEEDED")
        operator.request("DELETE", f"{V08}/{made['id']}")
        operator.create(BODY)


def test_a_second_subscription_of_the_same_kind_can_be_refused(operator: Simulated) -> None:
    operator.control("settings", creation={"refuse_twins": True})
    operator.create(asked("https://nobody.invalid/events?s=1"))
    refused = operator.request("POST", V08, json=asked("https://nobody.invalid/events?s=2"))
    assert (refused.status_code, refused.json()["code"]) == (409, "ALREADY_EXISTS")


def test_errors_can_be_fastapi_s() -> None:
    with simulated(Scenario(errors="fastapi")) as operator:
        answer = operator.request("POST", V08, json=BODY | {"sink": 7})
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["body", "sink"]
        assert operator.request("GET", f"{V08}/none").json() == {
            "detail": "The specified resource is not found."
        }


def test_faults_of_the_scenario_file_are_there_from_the_start() -> None:
    faults = (Fault(operation="get", effect="status", status=404, times=1),)
    with simulated(Scenario(fault=faults)) as operator:
        made = operator.create(BODY)
        path = f"{V08}/{made['id']}"
        assert [operator.request("GET", path).status_code for _ in range(2)] == [404, 200]


@pytest.mark.parametrize(
    ("route", "order"),
    [
        ("devices", {"device": {}}),
        ("devices", {"device": {"phoneNumber": "x"}}),
        ("end", {"all": True, "reason": "BOREDOM"}),
        ("faults", {"operation": "create"}),
        ("clock", {"ahead": "soon"}),
        ("clock", {"ahead": 1e300}),
        ("clock", {"ahead": -1e11}),
        ("tokens", {"expiresIn": 1}),
        ("settings", {"seed": -1}),
        ("settings", []),
        ("settings", {"limits": {"max_seconds": 1e300}}),
        ("settings", {"creation": {"active_after": 1e300}}),
        ("settings", {"authentication": {"expires_in": 10**30}}),
    ],
)
def test_a_wrong_order_is_answered_with_what_is_wanted(
    operator: Simulated, route: str, order: Any
) -> None:
    answer = operator.http.post(f"/_control/{route}", json=order)
    assert answer.status_code == 400, answer.text
    assert answer.json()["message"]
    assert operator.http.get("/_books").status_code == 200


def test_an_order_for_a_device_that_the_operator_does_not_know_is_answered_with_that() -> None:
    with simulated(Scenario(known_devices="listed")) as operator:
        order = {"device": {"phoneNumber": PHONE}, "roaming": True}
        answer = operator.http.post("/_control/devices", json=order)
        said = {"message": "Device identifier not found."}
        assert (answer.status_code, answer.text and answer.json()) == (400, said)
