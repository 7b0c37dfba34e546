"""What every request to the console passes first."""

import asyncio
from typing import Any

import pytest
from starlette.testclient import TestClient

from receiver.config.settings import Settings, SettingsError, load
from receiver.console import guard, sessions
from receiver.console.app import COOKIE, create
from receiver.console.guard import MAX_BODY
from receiver.console.pages import ROUTES
from receiver.console.sessions import Link
from tests.console.conftest import BASE, OURS
from tests.support.valkey import Valkey


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:80", "", "localhost.evil:8090"]
)
def test_another_host_is_421(operator: TestClient, host: str) -> None:
    assert operator.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:8090", "localhost:8090", "[::1]:8090"])
def test_this_machine_has_three_names(operator: TestClient, host: str) -> None:
    headers = {"host": host, "cookie": f"{COOKIE}={operator.cookies[COOKIE]}"}
    assert operator.get("/audit", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("typed", "host"),
    [
        ("https://console.example.com", "console.example.com"),
        ("https://console.example.com:443/", "console.example.com"),
        ("HTTPS://Console.Example.com", "console.example.com"),
        ("https://console.example.com:8443", "Console.example.com:8443"),
        ("https://[2001:DB8::1]:443", "[2001:db8::1]"),
        ("http://localhost:80", "localhost"),
    ],
)
def test_what_people_type_is_what_a_browser_says(valkey: Valkey, typed: str, host: str) -> None:
    found = load({"RECEIVER_CONSOLE_URL": typed}, file=False)
    app = create(found, valkey.client(), ROUTES, "http://127.0.0.1:1")
    with TestClient(app, follow_redirects=False) as client:
        origin = f"{found.console_url.partition(':')[0]}://{host.lower()}"
        headers = {"host": host, "origin": origin}
        token = sessions.make_link(valkey.client(), Link("ada", "operator"))
        answer = client.post("/login", headers=headers, data={"token": token})
    assert answer.status_code == 303
    assert ("; Secure" in answer.headers["set-cookie"]) == origin.startswith("https:")


def test_behind_tls_no_answer_leads_to_an_address_without_it(valkey: Valkey) -> None:
    found = load({"RECEIVER_CONSOLE_URL": "https://console.example.com"}, file=False)
    app = create(found, valkey.client(), ROUTES, "http://127.0.0.1:1")
    with TestClient(app, base_url="http://console.example.com", follow_redirects=False) as client:
        answer = client.get("/sinks/")
    assert answer.headers["location"] == "https://console.example.com/sinks"


@pytest.mark.parametrize(
    "typed",
    ["https://c:x", "https://c:0", "https://c:99999", "https://:pw@c", "https://c/x", "ftp://c"],
)
def test_what_is_no_address_of_the_console_is_refused(typed: str) -> None:
    with pytest.raises(SettingsError, match="RECEIVER_CONSOLE_URL"):
        load({"RECEIVER_CONSOLE_URL": typed}, file=False)


def test_on_the_port_that_goes_without_saying_a_browser_says_none(valkey: Valkey) -> None:
    app = create(Settings(port=80), valkey.client(), ROUTES, "http://127.0.0.1:1")
    with TestClient(app, follow_redirects=False) as client:
        for host in ("127.0.0.1", "localhost", "[::1]", "127.0.0.1:80"):
            headers = {"host": host, "origin": f"http://{host}"}
            assert client.get("/login", headers=headers).status_code == 200
            assert client.post("/login", headers=headers).status_code == 403
        assert client.get("/login", headers={"host": "localhost:8090"}).status_code == 421


FORGED = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
    {"sec-fetch-site": "cross-site", "origin": BASE},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://localhost:8090"},
    {},
]


@pytest.mark.parametrize("headers", FORGED)
@pytest.mark.parametrize("path", ["/logout", "/%6cogout", "/nowhere", "/static/console.css"])
def test_a_form_of_another_site_is_403_whatever_the_path(
    operator: TestClient, headers: dict[str, str], path: str
) -> None:
    assert operator.post(path, headers=headers).status_code == 403
    assert operator.get("/audit").status_code == 200


@pytest.mark.parametrize("headers", [OURS, {"origin": BASE}])
def test_a_form_of_ours_is_taken(operator: TestClient, headers: dict[str, str]) -> None:
    assert operator.post("/logout", headers=headers).headers["location"] == "/login"
    assert operator.get("/audit").headers["location"] == "/login"


def test_a_form_has_a_most(operator: TestClient) -> None:
    longest = operator.post("/login", headers=OURS, content=b"x" * MAX_BODY)
    assert longest.status_code == 403  # as any link that is none
    assert operator.post("/login", headers=OURS, content=b"x" * (MAX_BODY + 1)).status_code == 413


def raw(app: Any, messages: list[dict[str, Any]], **headers: str) -> int:
    """The status of the answer to a form that comes in these pieces and then no more; 0: none."""
    said = {
        "host": "127.0.0.1:8090",
        **OURS,
        **{k.replace("_", "-"): v for k, v in headers.items()},
    }
    encoded = [(name.encode(), value.encode()) for name, value in said.items()]
    about = {"path": "/login", "raw_path": b"/login", "query_string": b"", "root_path": ""}
    scope = {"type": "http", "method": "POST", "headers": encoded, "scheme": "http", **about}
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0) if messages else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return int(sent[0]["status"]) if sent else 0


PART = {"type": "http.request", "body": b"token=a", "more_body": True}


def test_a_form_that_says_it_is_too_large_is_not_waited_for(stranger: TestClient) -> None:
    assert raw(stranger.app, [PART], content_length="65537") == 413
    assert raw(stranger.app, [PART], content_length="9" * 30) == 413
    assert raw(stranger.app, [PART], content_length="-1") == 413


def test_a_form_that_does_not_come_is_not_waited_for_for_ever(
    stranger: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "WITHIN", 0.05)
    assert raw(stranger.app, [PART]) == 408


def test_of_half_a_form_nothing_is_done(stranger: TestClient) -> None:
    assert raw(stranger.app, [PART, {"type": "http.disconnect"}]) == 0


@pytest.mark.parametrize("path", ["/", "/login", "/nowhere", "/static/console.css", "/%2e%2e/"])
def test_every_answer_has_the_policy(operator: TestClient, path: str) -> None:
    headers = operator.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; ")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == ("no-cache" if "static" in path else "no-store")
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/%2e%2e/app.py"])
def test_nothing_but_static_files_is_served_from_disk(operator: TestClient, path: str) -> None:
    assert operator.get(path).status_code == 404
