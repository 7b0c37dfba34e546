"""What is made of an operator's answers about a device, also where they say odd things."""

import asyncio
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from receiver.outbound import Answer, device_status
from receiver.outbound.device_status import DeviceStatus

OPERATOR: Any = SimpleNamespace(
    status="https://a.invalid/r/v1", roaming_status="https://a.invalid/m"
)


def told(reachability: Any, roaming: Any) -> DeviceStatus:
    """The status where the two answers are these documents."""

    async def request(_method: str, url: str, _document: Any) -> Answer:
        document = roaming if "/m/" in url else reachability
        return Answer(status=200, headers={}, body=msgspec.json.encode(document))

    client: Any = SimpleNamespace(request=request)
    return asyncio.run(device_status.ask(client, OPERATOR, {"phoneNumber": "+12065550100"}))


HOME = {"roaming": False}


@pytest.mark.parametrize(
    ("document", "reachable", "connectivity"),
    [
        ({"reachable": True, "connectivity": ["USSD", "SMS", 7]}, True, ["SMS"]),
        ({"reachable": True, "connectivity": "DATA"}, True, None),
        ({"reachable": True}, True, None),
        ({"reachable": False, "connectivity": ["DATA"]}, False, []),
        ({"reachable": False}, False, []),
        ({"reachabilityStatus": "CONNECTED_SMS"}, True, ["SMS"]),
        ({"connectivityStatus": "NOT_CONNECTED"}, False, []),
    ],
)
def test_only_what_is_documented_is_said_of_how_a_device_is_reached(
    document: dict[str, Any], reachable: bool, connectivity: list[str] | None
) -> None:
    found = told(document, HOME)
    assert (found.reachable, found.connectivity, found.faults) == (reachable, connectivity, {})


@pytest.mark.parametrize("document", [{}, {"reachable": "yes"}, {"connectivityStatus": "MAYBE"}])
def test_an_answer_that_says_nothing_documented_is_a_fault_and_no_state(document: Any) -> None:
    found = told(document, {"roaming": 1})
    assert (found.reachable, found.roaming) == (None, None)
    assert set(found.faults) == {"reachability", "roaming"}


@pytest.mark.parametrize(("code", "said"), [(262, 262), ("262", None), (True, None), (2.5, None)])
def test_a_country_s_code_is_a_number_and_its_names_are_texts(code: Any, said: int | None) -> None:
    found = told(
        {"reachable": True}, {"roaming": True, "countryCode": code, "countryName": ["DE", 1]}
    )
    assert (found.country_code, found.country_name) == (said, ["DE"])


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_times_the_older_one_is_said(turned: bool) -> None:
    times = ["2026-11-27T12:00:00+01:00", "2026-11-27T12:00:00.5Z"]
    one, two = times[::-1] if turned else times
    found = told({"reachable": True, "lastStatusTime": one}, HOME | {"lastStatusTime": two})
    assert found.last_status_time == "2026-11-27T11:00:00.000Z"
