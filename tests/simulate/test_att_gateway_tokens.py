"""OAuth v4 at a simulated gateway: each grant once, as long as it says, until it is revoked."""

import re
from typing import Any

import httpx2
import pytest

from receiver.simulate.att_gateway.scenario import Gateway, Scenario
from tests.support.att_gateways import INBOX, SimulatedGateway, gateway


def test_client_credentials_give_a_token_that_lives_as_long_as_it_says() -> None:
    with gateway(Scenario(gateway=Gateway(token_life=20))) as double:
        found = double.grant(grant_type="client_credentials", scope="SMS,MMS").json()
        assert set(found) == {"access_token", "token_type", "expires_in", "refresh_token"}
        assert (found["token_type"], found["expires_in"]) == ("bearer", 20)
        headers = {"authorization": f"Bearer {found['access_token']}"}
        assert double.http.get(INBOX, headers=headers).status_code == 200
        double.control("clock", ahead=21)
        assert double.http.get(INBOX, headers=headers).status_code == 401


def test_a_refresh_token_is_good_once(double: SimulatedGateway) -> None:
    first = double.grant(grant_type="client_credentials", scope="SMS").json()
    second = double.grant(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert second.status_code == 200
    again = double.grant(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    headers = {"authorization": f"Bearer {second.json()['access_token']}"}
    assert double.http.get(INBOX, headers=headers).status_code == 200


def test_a_subscriber_consents_and_the_code_is_exchanged_once(double: SimulatedGateway) -> None:
    query = {
        "client_id": "simulated-client",
        "scope": "IMMN,MIM",
        "redirect_uri": "https://app.invalid/back?x=1",
        "state": "s",
    }
    sent = [double.http.get("/oauth/v4/authorize", params=query) for _ in range(2)]
    where = {answer.headers["location"] for answer in sent}
    assert [answer.status_code for answer in sent] == [302, 302]
    assert len(where) == 1  # AT&T redirects twice with one code
    found = re.fullmatch(r"https://app\.invalid/back\?x=1&code=([\w-]+)&state=s", where.pop())
    assert found
    form = {"grant_type": "authorization_code", "code": found[1]}
    assert [double.grant(**form).status_code for _ in range(2)] == [200, 400]
    refused = double.http.get("/oauth/v4/authorize", params=query | {"deny": "1"})
    assert "error=access_denied" in refused.headers["location"]


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"grant_type": "client_credentials", "client_secret": "x"}, 401, "invalid_client"),
        ({"grant_type": "password", "scope": "SMS"}, 400, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, 400, "invalid_scope"),
        ({"grant_type": "authorization_code", "code": "x"}, 400, "invalid_grant"),
    ],
)
def test_the_token_endpoint_says_what_was_wrong(
    double: SimulatedGateway, form: dict[str, str], status: int, error: str
) -> None:
    answer = double.grant(**form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_revoked_token_is_invalid(double: SimulatedGateway, kind: str) -> None:
    found = double.grant(grant_type="client_credentials", scope="SMS").json()
    form = {
        "client_id": "simulated-client",
        "client_secret": "simulated-secret",
        "token": found[kind],
        "token_type_hint": kind,
    }
    answer = double.http.post("/oauth/v4/revoke", data=form)
    assert (answer.status_code, answer.content) == (200, b"")
    headers = {"authorization": f"Bearer {found['access_token']}"}
    assert double.http.get(INBOX, headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        ({"effect": "unavailable"}, 503, "temporarily_unavailable"),
        ({"effect": "status", "status": 400}, 400, "invalid_request"),
        ({"effect": "unauthorised"}, 401, "invalid_client"),
    ],
)
def test_the_token_endpoint_fails_on_order(
    double: SimulatedGateway, fault: dict[str, Any], status: int, error: str
) -> None:
    double.control("faults", effect="unavailable", times=0)  # `any` are the APIs only
    form = {"grant_type": "client_credentials", "scope": "SMS"}
    assert double.grant(**form).status_code == 200
    double.control("faults", route="token", times=2, **fault)
    answer = double.grant(**form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    double.control("settings", gateway={"oauth_errors": "request_error"})
    answer = double.grant(**form)
    [exception] = answer.json()["RequestError"].values()
    assert (answer.status_code, exception["Variables"]) == (status, error)


def test_a_token_answer_can_break_off(double: SimulatedGateway) -> None:
    double.control("faults", effect="no_answer", route="token")
    with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
        double.grant(grant_type="client_credentials", scope="SMS")
    assert double.books()["tokens"]["issued"] == 1


def test_expires_in_can_be_a_text_and_never() -> None:
    with gateway(Scenario(gateway=Gateway(token_life=0, expires_in_text=True))) as double:
        found = double.grant(grant_type="client_credentials", scope="SMS").json()
        assert found["expires_in"] == "0"
        double.control("clock", ahead=1e7)
        headers = {"authorization": f"Bearer {found['access_token']}"}
        assert double.http.get(INBOX, headers=headers).status_code == 200
