"""Who gets in, and who may do what."""

import re

import pytest
from starlette.testclient import TestClient

from receiver.config.settings import Settings
from receiver.console import sessions
from receiver.console.app import COOKIE, Page, create
from receiver.console.pages import ROUTES
from receiver.console.sessions import Link
from tests.console.conftest import CLICK, OURS, PORT, sign_in
from tests.support.valkey import Valkey

PREVIEWS = [
    {},
    {"sec-fetch-site": "none", "sec-fetch-dest": "empty"},
    {"sec-fetch-site": "cross-site", "sec-fetch-dest": "document"},
    {"sec-fetch-dest": "document"},
    CLICK | {"sec-purpose": "prefetch;prerender"},
    CLICK | {"sec-purpose": "prefetch"},
    CLICK | {"purpose": "preview"},
]


def test_a_link_signs_in_once(stranger: TestClient, valkey: Valkey) -> None:
    token = sessions.make_link(valkey.client(), Link("ada", "operator", "/audit"))
    first = stranger.get(f"/login?token={token}", headers=CLICK)
    assert (first.status_code, first.headers["location"]) == (303, "/audit")
    assert "HttpOnly" in first.headers["set-cookie"]
    assert "SameSite=lax" in first.headers["set-cookie"]
    stranger.cookies.clear()
    again = stranger.get(f"/login?token={token}", headers=CLICK)
    assert again.status_code == 403
    assert "does not work any more" in again.text
    assert stranger.get("/audit").headers["location"] == "/login"


@pytest.mark.parametrize("headers", PREVIEWS)
def test_a_preview_does_not_use_a_link_up(
    stranger: TestClient, valkey: Valkey, headers: dict[str, str]
) -> None:
    token = sessions.make_link(valkey.client(), Link("ada", "operator"))
    assert stranger.get(f"/login?token={token}", headers=headers).status_code == 200
    assert stranger.head(f"/login?token={token}", headers=CLICK).status_code == 200
    assert COOKIE not in stranger.cookies
    button = stranger.post("/login", headers=OURS, data={"token": token})
    assert (button.status_code, button.headers["location"]) == (303, "/")


def test_a_session_is_another_one_than_before_it(stranger: TestClient, valkey: Valkey) -> None:
    stranger.cookies.set(COOKIE, "chosen-by-somebody-else")
    token = sessions.make_link(valkey.client(), Link("ada", "operator"))
    answer = stranger.get(f"/login?token={token}", headers=CLICK)
    assert "chosen-by-somebody-else" not in answer.headers["set-cookie"]


def test_to_sign_in_at_a_console_of_another_port_signs_nobody_out(
    operator: TestClient, valkey: Valkey
) -> None:
    app = create(Settings(port=PORT + 1), valkey.client(), ROUTES, "http://127.0.0.1:1")
    with TestClient(app, base_url=f"http://127.0.0.1:{PORT + 1}", follow_redirects=False) as other:
        sign_in(other, valkey, Link("bob", "viewer"))
        # A browser sends what one port has set to the other.
        jar = [*operator.cookies.items(), *other.cookies.items()]
        cookie = {"cookie": "; ".join(f"{name}={value}" for name, value in dict(jar).items())}
        assert ">ada<" in operator.get("/", headers=cookie).text
        assert ">bob<" in other.get("/", headers=cookie).text
        assert other.post("/logout", headers=OURS | cookie).status_code == 303
        assert other.get("/", headers=cookie).status_code == 303
        assert ">ada<" in operator.get("/", headers=cookie).text


@pytest.mark.parametrize("token", ["", "x", "\N{SNOWMAN}", "a" * 5000])
def test_what_is_no_link_is_refused(stranger: TestClient, token: str) -> None:
    assert stranger.post("/login", headers=OURS, data={"token": token}).status_code == 403


def test_logging_everybody_out_ends_sessions_and_links(
    operator: TestClient, valkey: Valkey
) -> None:
    token = sessions.make_link(valkey.client(), Link("eve", "operator"))
    assert sessions.end_all(valkey.client()) == 2
    assert operator.get("/audit").headers["location"] == "/login"
    assert operator.post("/login", headers=OURS, data={"token": token}).status_code == 403


def test_neither_a_link_nor_a_session_is_stored(stranger: TestClient, valkey: Valkey) -> None:
    token = sessions.make_link(valkey.client(), Link("ada", "operator"))
    stored = b" ".join(valkey.client().scan_iter("*"))
    assert token.encode() not in stored
    stranger.get(f"/login?token={token}", headers=CLICK)
    stored = b" ".join(valkey.client().scan_iter("*"))
    assert stranger.cookies[COOKIE].encode() not in stored


def test_only_signing_in_needs_no_session(stranger: TestClient) -> None:
    assert {route.path for route in ROUTES if route.role == "anyone"} == {"/login"}
    assert all(isinstance(route, Page) for route in ROUTES)
    for route in ROUTES:
        if route.role != "anyone":
            path = re.sub(r"{\w+}", "x", route.path)
            method = "GET" if "GET" in (route.methods or ()) else "POST"
            assert stranger.request(method, path, headers=OURS).headers["location"] == "/login"


def test_of_a_form_that_came_after_the_session_the_sign_in_says_that_nothing_was_done(
    operator: TestClient, valkey: Valkey
) -> None:
    said = "Nothing was done"
    assert said not in operator.get("/login").text
    sessions.end_all(valkey.client())
    operator.get("/audit")
    assert said not in operator.get("/login").text
    answer = operator.post("/sinks/billing", headers=OURS, data={"action": "stop"})
    assert answer.headers["location"] == "/login"
    assert said in operator.get("/login").text
    assert said not in operator.get("/login").text  # once
    operator.post("/logout", headers=OURS)
    assert said not in operator.get("/login").text


def test_made_up_cookies_take_no_place_of_those_who_are_signed_in(
    stranger: TestClient, valkey: Valkey
) -> None:
    remembered = stranger.app.state.sessions  # type: ignore[attr-defined]
    stranger.cookies.set(COOKIE, "made-up" * 1_000)
    assert stranger.get("/audit").headers["location"] == "/login"
    assert remembered == {}
    stranger.cookies.clear()
    token = sessions.make_link(valkey.client(), Link("ada", "operator"))
    stranger.get(f"/login?token={token}", headers=CLICK)
    assert stranger.get("/audit").status_code == 200
    [(name, session)] = remembered.items()
    assert (len(name), session.name) == (43, "ada")
    sessions.end_all(valkey.client())
    assert stranger.get("/audit").headers["location"] == "/login"
    assert remembered == {}
