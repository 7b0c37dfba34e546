"""What a simulated operator refuses, in the words of each version; nothing is a 500."""

from collections.abc import Iterator
from typing import Any

import pytest

from receiver.simulate.operator.dialects import DIALECTS
from tests.support.operators import API, PHONE, Simulated, asked, in_, simulated

NOWHERE = "https://nobody.invalid"


@pytest.fixture(scope="module")
def operator() -> Iterator[Simulated]:
    with simulated() as found:
        yield found


def refused(operator: Simulated, version: str, **changes: Any) -> tuple[int, str]:
    """Ask for a subscription that is good but for some of its parts."""
    body = asked(NOWHERE, DIALECTS[API, version].types[0]) | changes
    answer = operator.request("POST", f"/{API}/v{version}/subscriptions", json=body)
    return answer.status_code, answer.json().get("code", "")


def config(**changes: Any) -> dict[str, Any]:
    return {"config": {"subscriptionDetail": {"device": {"phoneNumber": PHONE}}} | changes}


def credential(**changes: Any) -> dict[str, Any]:
    return {"sinkCredential": asked(NOWHERE)["sinkCredential"] | changes}


NAI = {"subscriptionDetail": {"device": {"networkAccessIdentifier": "a@b.example"}}}


@pytest.mark.parametrize(
    ("version", "changes", "status", "code"),
    [
        ("0.6", {"sink": "http://api.example.com"}, 201, ""),
        ("0.7", {"sink": "azerty"}, 400, "INVALID_ARGUMENT"),
        ("0.8", {"sink": "http://api.example.com"}, 400, "INVALID_SINK"),
        ("0.9", {"sink": f"{NOWHERE}/{'x' * 2048}"}, 400, "INVALID_SINK"),
        ("0.8", {"sink": f"{NOWHERE}/{'x' * 2048}"}, 201, ""),
        ("0.6", config(subscriptionDetail={}), 400, "INVALID_ARGUMENT"),
        ("0.7", config(subscriptionDetail={}), 422, "MISSING_IDENTIFIER"),
        ("0.6", {"config": NAI}, 422, "DEVICE_NOT_APPLICABLE"),
        ("0.8", {"config": NAI}, 422, "UNSUPPORTED_IDENTIFIER"),
        ("0.8", credential(credentialType="REFRESHTOKEN"), 400, "INVALID_CREDENTIAL"),
        ("0.8", credential(credentialType="PRIVATE_KEY_JWT"), 400, "INVALID_CREDENTIAL"),
        (
            "0.9",
            credential(credentialType="PRIVATE_KEY_JWT"),
            422,
            "PRIVATE_KEY_JWT_NOT_CONFIGURED",
        ),
        ("0.8", credential(accessTokenType="mac"), 400, "INVALID_TOKEN"),
        ("0.8", credential(accessTokenExpiresUtc=in_(-1)), 400, "INVALID_ARGUMENT"),
        ("0.8", credential(accessTokenExpiresUtc="tomorrow"), 400, "INVALID_ARGUMENT"),
        ("0.9", credential(accessToken="x" * 4097), 400, "INVALID_ARGUMENT"),
        ("0.8", {"protocol": "KAFKA"}, 400, "INVALID_PROTOCOL"),
        ("0.8", config(subscriptionExpireTime=in_(-1)), 400, "INVALID_ARGUMENT"),
        ("0.8", config(subscriptionExpireTime="2031-01-01T00:00:00"), 400, "INVALID_ARGUMENT"),
        ("0.8", config(subscriptionMaxEvents=0), 400, "INVALID_ARGUMENT"),
        ("0.8", config(subscriptionMaxEvents=True), 400, "INVALID_ARGUMENT"),
        ("0.9", config(subscriptionMaxEvents=1_000_001), 400, "OUT_OF_RANGE"),
        ("0.8", config(initialEvent="yes"), 400, "INVALID_ARGUMENT"),
    ],
)
def test_each_version_has_its_own_word_for_what_is_wrong(
    operator: Simulated, version: str, changes: dict[str, Any], status: int, code: str
) -> None:
    assert refused(operator, version, **changes) == (status, code)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"text"',
        b"x" * 100_000,
        b'{"protocol": {}, "sink": [], "types": {}, "config": 7}',
        b'{"protocol": "HTTP", "sink": "https://[", "types": [[]]}',
        b'{"protocol": "HTTP", "sink": "https://a", "types": [{"a": 1}], "config": {}}',
    ],
)
@pytest.mark.parametrize("path", ["v0.8/subscriptions", "v0.9/subscriptions", "retrieve"])
def test_a_body_that_is_nothing_is_a_400(operator: Simulated, path: str, body: bytes) -> None:
    url = f"/{API}/{path}" if "/" in path else "/device-reachability-status/v1/retrieve"
    answer = operator.request("POST", url, content=body)
    known = answer.status_code == 422 and path == "retrieve"  # an object, without a device
    assert answer.status_code == 400 or known, answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", f"/{API}/v0.5/subscriptions", 404),
        ("GET", f"/{API}/v9/subscriptions", 404),
        ("PUT", f"/{API}/v0.8/subscriptions", 405),
        ("DELETE", f"/{API}/v0.8/subscriptions", 405),
        ("GET", f"/{API}/v0.8/subscriptions/%00", 404),
        ("GET", f"/{API}/v0.9/subscriptions?page=0", 400),
        ("GET", f"/{API}/v0.9/subscriptions?perPage=101", 400),
        ("GET", f"/{API}/v0.9/subscriptions?page={'9' * 5000}", 400),
        ("GET", "/device-reachability-status/v1/retrieve", 405),
        ("POST", "/_control/nothing", 404),
    ],
)
def test_what_is_not_there_is_said_to_be_not_there(
    operator: Simulated, method: str, path: str, status: int
) -> None:
    assert operator.request(method, path).status_code == status


@pytest.mark.parametrize(
    ("version", "value", "status"),
    [("0.6", "a b c", 200), ("0.7", "a_b", 400), ("0.8", "a_b", 200), ("0.8", "a b", 400)],
)
def test_a_correlator_comes_back_or_is_refused(
    operator: Simulated, version: str, value: str, status: int
) -> None:
    headers = operator.token() | {"x-correlator": value}
    answer = operator.request("GET", f"/{API}/v{version}/subscriptions", headers=headers)
    assert (answer.status_code, answer.headers["x-correlator"]) == (status, value)
