"""A simulated operator's token endpoint, and whom it lets call the API."""

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from receiver.simulate.operator.scenario import Authentication, Client, Scenario
from tests.support.operators import DATA, DISCONNECTED, V08, Simulated, asked, simulated

KEY = ECKey.generate_key("P-256", parameters={"kid": "one", "use": "sig", "alg": "ES256"})
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
BASIC = ("simulated-client", "simulated-secret")
POST = {"client_id": "simulated-client", "client_secret": "simulated-secret"}
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Simulated]:
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(KeySet([KEY]).as_dict(private=False)))
    keyed = Client(id="keyed", methods=("private_key_jwt",), jwks=str(keys))
    with simulated(Scenario(client=(Client(), keyed))) as found:
        yield found


def assertion(operator: Simulated, **claims: Any) -> dict[str, str]:
    now = int(time.time())
    said = {
        "iss": "keyed",
        "sub": "keyed",
        "aud": f"{operator.url}/oauth/token",
        "jti": uuid.uuid4().hex,
        "iat": now,
        "exp": now + 120,
    } | claims
    signed = jwt.encode({"alg": "ES256", "kid": "one"}, said, KEY, algorithms=["ES256"])
    return GRANT | {"client_assertion_type": ASSERTION, "client_assertion": signed}


def test_a_token_is_given_for_basic_for_post_and_for_a_signed_assertion(
    operator: Simulated,
) -> None:
    answers = [
        operator.http.post("/oauth/token", data=GRANT, auth=BASIC),
        operator.http.post("/oauth/v4/token", data=GRANT | POST),
        operator.http.post("/oauth/token", data=assertion(operator)),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        headers = {"authorization": f"Bearer {answer.json()['access_token']}"}
        assert operator.http.get(V08, headers=headers).status_code == 200


def test_an_assertion_is_taken_once(operator: Simulated) -> None:
    form = assertion(operator)
    assert operator.http.post("/oauth/token", data=form).status_code == 200
    again = operator.http.post("/oauth/token", data=form)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://elsewhere.example/token"},
        {"sub": "simulated-client"},
        {"iss": "nobody"},
        {"exp": 0},
        {"exp": 9_999_999_999},
        {"jti": None},
        {"exp": "soon"},
    ],
    ids=str,
)
def test_an_assertion_that_does_not_hold_is_refused(
    operator: Simulated, claims: dict[str, Any]
) -> None:
    answer = operator.http.post("/oauth/token", data=assertion(operator, **claims))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("data", "auth", "error"),
    [
        (GRANT, ("simulated-client", "wrong"), "invalid_client"),
        (GRANT, ("nobody", "simulated-secret"), "invalid_client"),
        (GRANT, None, "invalid_client"),
        (GRANT | POST | {"client_secret": "wrong"}, None, "invalid_client"),
        ({"grant_type": "password"}, BASIC, "unsupported_grant_type"),
        (GRANT | {"client_assertion_type": ASSERTION, "client_assertion": "x"}, None, None),
        (GRANT | {"client_assertion_type": "other", "client_assertion": "x"}, None, None),
    ],
)
def test_whoever_is_not_a_client_gets_no_token(
    operator: Simulated, data: dict[str, str], auth: Any, error: str | None
) -> None:
    answer = operator.http.post("/oauth/token", data=data, auth=auth)
    assert answer.status_code in (400, 401)
    assert answer.json()["error"] == (error or "invalid_client")


def test_the_life_of_a_token_can_be_text_and_ends(operator: Simulated) -> None:
    operator.control("settings", authentication={"expires_in": 60, "expires_in_text": True})
    answer = operator.http.post("/oauth/token", data=GRANT, auth=BASIC).json()
    assert answer["expires_in"] == "60"
    headers = {"authorization": f"Bearer {answer['access_token']}"}
    assert operator.http.get(V08, headers=headers).status_code == 200
    operator.control("clock", ahead=61)
    assert operator.http.get(V08, headers=headers).status_code == 401


def test_scopes_are_checked_where_that_is_wanted(operator: Simulated) -> None:
    operator.control("settings", authentication={"check_scopes": True, "scope_required": True})
    answer = operator.http.post("/oauth/token", data=GRANT, auth=BASIC)
    assert answer.json()["error"] == "invalid_scope"
    scope = (
        f"dpv:FraudPreventionAndDetection#device-reachability-status-subscriptions:{DATA}:create"
    )
    answer = operator.http.post("/oauth/token", data=GRANT | {"scope": scope}, auth=BASIC)
    headers = {"authorization": f"Bearer {answer.json()['access_token']}"}
    bodies = [asked("https://nobody.invalid", each) for each in (DATA, DISCONNECTED)]
    answers = [operator.http.post(V08, json=body, headers=headers) for body in bodies]
    assert [each.status_code for each in answers] == [201, 403]
    assert answers[1].json()["code"] == "SUBSCRIPTION_MISMATCH"
    assert operator.http.get(V08, headers=headers).json()["code"] == "PERMISSION_DENIED"


def test_one_client_does_not_see_another_s_subscriptions(operator: Simulated) -> None:
    made = operator.create(asked("https://nobody.invalid"))
    other = operator.token(client="keyed")
    assert operator.request("GET", V08, headers=other).json() == []
    assert operator.request("GET", f"{V08}/{made['id']}", headers=other).status_code == 404
    assert operator.request("DELETE", f"{V08}/{made['id']}", headers=other).status_code == 404


def test_all_tokens_can_be_forgotten(operator: Simulated) -> None:
    headers = operator.token()
    operator.control("forget-tokens")
    assert operator.http.get(V08, headers=headers).status_code == 401


@pytest.mark.parametrize("kind", ["headers", "none"])
def test_authentication_can_be_a_fixed_header_or_none(kind: Any) -> None:
    with simulated(Scenario(authentication=Authentication(kind=kind))) as operator:
        headers = {"x-rapidapi-key": "simulated-key"}
        assert operator.http.get(V08).status_code == (401 if kind == "headers" else 200)
        assert operator.http.get(V08, headers=headers).status_code == 200


@pytest.mark.parametrize("status", [500, 429])
def test_the_token_endpoint_fails_on_order(operator: Simulated, status: int) -> None:
    operator.control("faults", operation="token", effect="status", status=status, retry_after=7)
    answer = operator.http.post("/oauth/token", data=GRANT, auth=BASIC)
    assert (answer.status_code, answer.headers["retry-after"]) == (status, "7")
    assert operator.http.post("/oauth/token", data=GRANT, auth=BASIC).status_code == 200
