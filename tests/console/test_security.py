"""What a stranger, a viewer and a hostile notification get of the console: nothing."""

import json
import re
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.requests import Request
from starlette.testclient import TestClient

from receiver.auth import credential_store
from receiver.auth.bearer import Credential
from receiver.cli import console as command
from receiver.config.settings import HttpSink, Settings, load
from receiver.console import audit, proxy
from receiver.console.pages import ROUTES
from receiver.contract.records import Attempt, DeadLetter, Notification, Refusal, encode
from receiver.contract.redis_keys import (
    CREDENTIALS,
    DEAD_LETTERS,
    EVENTS,
    HEARD,
    INBOUND,
    REJECTED,
    SINKS,
    TURNED_AWAY,
    sink_deliveries,
    sink_state,
)
from tests.console.conftest import OURS
from tests.console.test_live import receipt
from tests.support.valkey import Valkey

SCRIPTS = ["<script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>", "{{7*7}}</pre><b>"]
READ = sorted({route.path for route in ROUTES if "GET" in (route.methods or ())})
FORMS = [b"\xff\x00=&&&", b"a=1&" * 5_000, b"[]", b"text=%ff%fe%00abc&id=x&until=9"]
ODD = [
    "before=1-1&before=" + "9" * 400,
    "before=%00&sink=%ff%fe&reason=%F0%9F%92%A9&status=-1&look=everything",
    "type=" + "a" * 60_000,
    "listener=*&outcome=[a&since=start&sent=..%2f..&format=exe&sink=[!",
    "&".join(f"a{number}=1" for number in range(3_000)),
    "status=99999999999999999999&reason=[[[[&sink=]",
    "after=9-9,9-9,9-9,9-9",
    f"before=1-{2**64}&id=1-{2**64}",
    "before=%D9%A1-1&id=%D9%A1-1",
    "%",
    "=&=&;;",
]


@pytest.fixture
def settings() -> Settings:
    return Settings(sinks=(HttpSink(name="hook", url="https://hooks.example.com/"),))


def fill(valkey: Valkey, word: str) -> dict[str, str]:
    """A stranger's words wherever he can put some; returns the addresses of what is there."""
    client, number = valkey.client(), receipt(1)
    body = json.dumps({word: word, "SenderAddress": word, "data": [{word: [word]}]}).encode()
    one = Notification(word, word, number, 1, word, body, "", word, "", ((word, word),))
    client.xadd(INBOUND, {"n": encode(one)})
    event = {"id": word, "type": word, "source": f"/x/{word}", "subject": word, "time": word}
    data = {"subscriptionId": word, word: word, "raw": {word: word, "n": [word]}}
    said = json.dumps(event | {"receiptid": number, "subscriptionset": word, "data": data})
    at: Any = client.xadd(EVENTS, {"event": said})
    letters: list[Any] = [
        client.xadd(DEAD_LETTERS, {"d": encode(letter)})
        for letter in (
            DeadLetter(1, f"a.{word}: {word}", encode(one)),
            DeadLetter(1, word, b"", word, said.encode(), 3, at.decode()),
            DeadLetter(1, word, b"no record"),
        )
    ]
    refused = Refusal(word, word, receipt(2), 1, 400, f"{word}: {word}", [(word, word)], body)
    entry: Any = client.xadd(REJECTED, {"r": encode(refused)})
    client.hset(SINKS, "hook:begun", 0)
    client.hset(sink_state("hook"), mapping={"stopped": word, "reason": word, "refused": word})
    tried = Attempt("hook", at.decode(), 1, 1, 1, 500, word, body)
    client.xadd(sink_deliveries("hook"), {"a": encode(tried)})
    client.hset(HEARD, word, 1)
    client.hset(TURNED_AWAY, word, 1)
    credential_store.add(client, "t" * 40, Credential(label=word, listener=word, created=1.0))
    client.hset(CREDENTIALS, "0" * 64, word)
    audit.write(client, word, word, word)
    client.hset("receiver:subscriptions:sets", mapping={f"{word}:stopped": word})
    return {
        "story": f"/n/{number}",
        "refused": f"/n/{receipt(2)}",
        "rejected": f"/rejected/{entry.decode()}",
        **{f"letter{i}": f"/dead-letters/{x.decode()}" for i, x in enumerate(letters)},
    }


@pytest.mark.parametrize("word", SCRIPTS)
def test_a_strangers_words_are_text_wherever_they_stand(
    operator: TestClient, valkey: Valkey, word: str
) -> None:
    addresses = fill(valkey, word)
    answers = [operator.get(path) for path in addresses.values()]
    answers += [operator.post(f"{path}/reveal", headers=OURS) for path in addresses.values()]
    plain = [path for path in READ if not re.search("{|^/export/|/stream$", path)]
    answers += [operator.get(path) for path in [*plain, "/sinks/hook", "/listeners/promo"]]
    form = {
        "action": "drop",
        "text": word,
        "reason": word,
        "sink": word,
        "since": word,
        "label": word,
    }
    answers += [
        operator.post(path, headers=OURS, data=form)
        for path in ("/search", "/dead-letters/confirm", "/sinks/hook/replay", "/credentials")
    ]
    for answer in answers:
        assert answer.status_code in (200, 400, 404, 409), answer.url
        assert word not in answer.text, answer.url
        assert "49</pre>" not in answer.text
    assert any("&lt;" in answer.text for answer in answers)


@pytest.mark.parametrize("query", ODD)
def test_any_address_is_answered(operator: TestClient, valkey: Valkey, query: str) -> None:
    fill(valkey, "word")
    for path in READ:
        if path == "/live/stream":
            continue
        address = re.sub(r"{\w+}", "1-1", path)
        answer = operator.get(f"{address}?{query}")
        assert answer.status_code in (200, 303, 404), address


@pytest.mark.parametrize("body", FORMS)
def test_any_form_is_answered(operator: TestClient, valkey: Valkey, body: bytes) -> None:
    fill(valkey, "word")
    kept = operator.cookies["receiver-console"]
    for route in ROUTES:
        if "POST" not in (route.methods or ()) or route.path in ("/sample", "/rejected/replay"):
            continue
        operator.cookies.set("receiver-console", kept)
        address = re.sub(r"{\w+}", "1-1", route.path)
        if route.path == "/logout":
            continue
        answer = operator.post(address, headers=OURS, content=body)
        assert answer.status_code in (200, 303, 400, 403, 404, 409), address


@pytest.mark.parametrize("cookie", ["x" * 5_000, "a;b", "\x7f", '"', "receiver-console=x"])
def test_a_cookie_that_is_none_leads_to_the_login(stranger: TestClient, cookie: str) -> None:
    answer = stranger.get("/audit", headers={"cookie": f"receiver-console={cookie}"})
    assert answer.headers["location"] == "/login"


@pytest.mark.parametrize(
    "environ",
    [
        {"HOST": "0.0.0.0"},  # noqa: S104
        {"HOST": "::"},
        {"HOST": "192.0.2.1"},
        {"HOST": "console.example.com"},
        {"HOST": "0.0.0.0", "RECEIVER_CONSOLE_URL": "http://localhost"},  # noqa: S104
    ],
)
def test_beyond_this_machine_it_starts_with_an_https_address_only(
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name, value in (environ | {"REDIS_URL": "redis://127.0.0.1:1/0"}).items():
        monkeypatch.setenv(name, value)
    found = CliRunner().invoke(command.command, [])
    assert found.exit_code == 2
    assert "RECEIVER_CONSOLE_URL=https://" in capfd.readouterr().err


ADA = [(b"x-forwarded-user", b"ada")]


def behind(peer: tuple[str, int] | None, believed: str, role: bytes = b"operator") -> Any:
    """The session of a request that says who it is of, from a peer."""
    scope = {"type": "http", "headers": [*ADA, (b"x-forwarded-role", role)], "client": peer}
    return proxy.session(Request(scope), load({"RECEIVER_CONSOLE_PROXY": believed}).console_proxy)


@pytest.mark.parametrize("believed", ["", "10.0.0.0/8", "10.0.0.0/8, unix", "::1"])
def test_only_a_proxy_that_is_named_says_who_somebody_is(believed: str) -> None:
    assert behind(("192.0.2.1", 1), believed) is None
    assert behind(("x" * 99, 1), believed) is None
    assert (behind(None, believed) is None) == ("unix" not in believed)
    found = behind(("10.1.2.3", 1), believed)
    assert (found.name, found.role) == ("ada", "operator") if "10." in believed else found is None


@pytest.mark.parametrize("role", [b"", b"admin", b"Operator", b"viewer", b"operator,viewer"])
def test_a_role_that_is_none_is_a_viewers(role: bytes) -> None:
    assert behind(("10.1.2.3", 1), "10.0.0.0/8", role).role == "viewer"


@pytest.mark.parametrize("twice", [b"x-forwarded-user", b"x-forwarded-role"])
def test_what_is_said_twice_is_said_by_somebody_else_too(twice: bytes) -> None:
    """A proxy that adds its own to what came in; which one is whose nobody can tell."""
    said = {b"x-forwarded-user": b"ada", b"x-forwarded-role": b"operator"}
    headers = [(twice, said[twice]), *said.items()]
    scope = {"type": "http", "headers": headers, "client": ("10.1.2.3", 1)}
    found = proxy.session(Request(scope), ("10.0.0.0/8",))
    assert found is None or found.role == "viewer"


@pytest.mark.parametrize("octets", ["José 日本".encode(), "José".encode("latin-1"), b"ada"])
def test_a_name_that_a_proxy_says_is_read_as_it_was_written(octets: bytes) -> None:
    scope = {"type": "http", "headers": [(b"x-forwarded-user", octets)], "client": ("10.1.2.3", 1)}
    found = proxy.session(Request(scope), ("10.0.0.0/8",))
    assert found
    assert found.name in ("José 日本", "José", "ada")
