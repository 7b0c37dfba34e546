"""Every page, for each role, on a store with something of everything and on an empty one."""

import html
import os
import re
import time
from pathlib import Path
from typing import Any, NoReturn

import pytest
from jinja2 import PackageLoader, TemplateNotFound
from starlette.testclient import TestClient

from receiver.auth import credential_store
from receiver.auth.bearer import Credential
from receiver.config.settings import RedisStreamSink, Settings, load
from receiver.console import audit
from receiver.console.pages import ROUTES
from receiver.contract.redis_keys import (
    CREDENTIALS,
    CREDENTIALS_USED,
    EVENTS,
    HEARD,
    SINKS,
    sink_state,
)
from tests.console.conftest import OURS
from tests.console.test_live import NUMBER, accept, work
from tests.support.eventually import eventually
from tests.support.valkey import Valkey

PAGES = sorted(r.path for r in ROUTES if "GET" in (r.methods or ()) and "{" not in r.path)
PAGES = [path for path in PAGES if not path.startswith(("/live/stream", "/export/"))]
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "receiver.toml"
    file.write_text('[[listener]]\nname = "promo"\n')
    found = load({"RECEIVER_CONFIG": str(file)})
    return Settings(listeners=found.listeners, sinks=(RedisStreamSink(name="billing", stream="b"),))


def fill(valkey: Valkey) -> None:
    accept(valkey, 1)
    work(valkey)
    client = valkey.client()
    client.xgroup_create(EVENTS, "forward:billing", id="0")
    client.hset(SINKS, "billing:begun", 0)
    client.hset(sink_state("billing"), mapping={"stopped": SCRIPT, "stopped_at": 1})
    client.hset(HEARD, "promo", 1_760_000_000_000)
    credential_store.add(client, "t" * 40, Credential(label=SCRIPT, created=1.0))
    client.hset(CREDENTIALS, "0" * 64, "not json")


@pytest.mark.parametrize("path", [*PAGES, "/sinks/billing", "/listeners/promo"])
def test_a_page_shows_nobody_and_runs_nothing(
    operator: TestClient, valkey: Valkey, path: str
) -> None:
    if path not in ("/sinks/billing",):
        assert operator.get(path).status_code == 200  # of an empty store
    fill(valkey)
    answer = operator.get(path)
    assert answer.status_code == 200
    assert NUMBER not in answer.text
    assert "private" not in answer.text
    assert SCRIPT not in answer.text


def test_a_sink_is_stopped_and_started_on_the_audit_trail(
    operator: TestClient, valkey: Valkey
) -> None:
    fill(valkey)
    operator.post("/sinks/billing", headers=OURS, data={"action": "start"})
    assert "Stop sending" in operator.get("/sinks/billing").text
    form = {"action": "stop", "why": "its disk\nis <b>full"}
    operator.post("/sinks/billing", headers=OURS, data=form)
    said = "stopped by ada in the console: its disk is &lt;b&gt;full</bdi>, <time"
    assert said in operator.get("/sinks/billing").text
    actions = [entry.action for _, entry in audit.newest(valkey.client())]
    assert actions == ["sink.stop", "sink.start"]
    answer = operator.post("/sinks/nobody", headers=OURS, data={"action": "stop"})
    assert answer.status_code == 404


def test_a_credential_is_added_shown_once_and_revoked(operator: TestClient, valkey: Valkey) -> None:
    form = {"label": "att", "listener": "promo", "days": "30"}
    page = operator.post("/credentials", headers=OURS, data=form).text
    token = page.split('<code id="token">')[1].split("<")[0]
    (stored,) = credential_store.all_stored(valkey.client())
    assert stored.credential
    assert (stored.credential.label, stored.credential.listener) == ("att", "promo")
    listed = operator.get("/credentials").text
    assert token not in listed
    assert ">not used yet<" in listed
    assert ">in use<" not in listed
    assert "its carrier will get 401" in operator.get(f"/credentials/{stored.id}").text
    operator.post(f"/credentials/{stored.id}/revoke", headers=OURS, data={"days": "2"})
    (ending,) = credential_store.all_stored(valkey.client())
    assert ending.ends_within(2 * 86_400)
    operator.post(f"/credentials/{stored.id}/revoke", headers=OURS)
    assert credential_store.all_stored(valkey.client()) == []
    told = [(entry.action, entry.about) for _, entry in audit.newest(valkey.client())]
    assert told == [
        ("credentials.revoke", f"{stored.id} now"),
        ("credentials.revoke", f"{stored.id} in 2 days"),
        ("credentials.add", stored.id),
    ]
    everything: Any = valkey.client().xrange("receiver:console:audit")
    assert token.encode() not in repr(everything).encode()


def test_a_credential_that_has_ended_is_not_said_to_be_in_use(
    operator: TestClient, valkey: Valkey
) -> None:
    now = time.time()
    client = valkey.client()
    one = Credential(label="att", created=now - 86_400, expires=now - 60)
    name = credential_store.add(client, "t" * 40, one)
    (stored,) = credential_store.all_stored(client)
    client.hset(CREDENTIALS_USED, stored.digest, now - 120)
    page, row = operator.get(f"/credentials/{name}").text, operator.get("/credentials").text
    for text in (page, row):
        assert ">ended<" in text
        assert "in use" not in text
        assert ">safe to revoke<" in text
    assert "It has ended: its carrier gets 401 already." in page
    assert "will get 401" not in page
    assert "Let it end then" not in page
    assert "Revoke it now" in page


def test_a_credential_that_ends_says_that_a_later_end_changes_nothing(
    operator: TestClient, valkey: Valkey
) -> None:
    now = time.time()
    ends = Credential(label="att", created=now, expires=now + 3 * 86_400)
    never = Credential(label="att", created=now)
    names = [
        credential_store.add(valkey.client(), letter * 40, one)
        for letter, one in (("t", ends), ("u", never))
    ]
    operator.post(f"/credentials/{names[0]}/revoke", headers=OURS, data={"days": "14"})
    pages = [operator.get(f"/credentials/{name}").text for name in names]
    assert "in 3 d" in pages[0]  # as before
    assert ["a later end changes nothing" in page for page in pages] == [True, False]


@pytest.mark.parametrize("listener", ["Promo", "../x", "a" * 65])
def test_a_credential_for_no_listener_is_refused(
    operator: TestClient, valkey: Valkey, listener: str
) -> None:
    form = {"label": "att", "listener": listener}
    assert operator.post("/credentials", headers=OURS, data=form).status_code == 400
    assert credential_store.all_stored(valkey.client()) == []


def test_a_viewer_may_look_and_neither_act_nor_see_who_may_send(
    viewer: TestClient, valkey: Valkey
) -> None:
    fill(valkey)
    for route in ROUTES:
        method = next(iter((route.methods or set()) - {"HEAD"}))
        path = route.path.replace("{name}", "billing").replace("{id}", "1-1")
        answer = viewer.request(method, path, headers=OURS) if route.role == "operator" else None
        assert answer is None or answer.status_code == 403, path
    may = {
        route.path
        for route in ROUTES
        if "POST" in (route.methods or ()) and route.role != "operator"
    }
    assert may == {"/login", "/logout", "/search"}
    assert "Stop sending" not in viewer.get("/sinks/billing").text


def test_redis_is_gone_is_said_and_the_last_numbers_stay(
    operator: TestClient, valkey: Valkey
) -> None:
    fill(valkey)
    assert 'href="/sinks/billing"' in operator.get("/").text
    valkey.kill()
    try:
        page = eventually(lambda: _stale(operator.get("/").text))
        assert "Redis does not answer" in page
        assert 'href="/sinks/billing"' in page
        gone = operator.get("/live")
        assert (gone.status_code, gone.headers["refresh"]) == (503, "5")  # it comes back by itself
        done = operator.post("/sample", headers=OURS)
        assert ("refresh" in done.headers, "asks again" in done.text) == (False, False)
        assert "not known whether what you asked for was done" in done.text
    finally:
        valkey.restart()
    eventually(lambda: not _stale(operator.get("/").text))


def test_a_page_that_is_none_leads_back_and_a_viewer_is_led_to_nothing_refused(
    viewer: TestClient,
) -> None:
    answer = viewer.get("/nope")
    assert answer.status_code == 404
    for address in re.findall(r'<a (?:class="brand" )?href="(/[^"]*)"', answer.text):
        assert viewer.get(address).status_code == 200
    assert 'href="/sinks"' in answer.text
    assert "console link --role operator" in viewer.get("/audit").text
    viewer.cookies.clear()
    assert "<nav" not in viewer.get("/nope").text


def test_pages_are_those_of_the_version_that_was_started(
    operator: TestClient, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> NoReturn:
        raise TemplateNotFound("of the version before")

    fill(valkey)
    monkeypatch.setattr(PackageLoader, "get_source", gone)  # the next one is installed over it
    monkeypatch.setattr(os.path, "getmtime", lambda _: 0.0)
    for path in [*PAGES, "/sinks/billing", "/listeners/promo", "/nope"]:
        assert operator.get(path).status_code in (200, 404), path


def test_no_link_leads_a_viewer_to_what_is_not_for_one(viewer: TestClient, valkey: Valkey) -> None:
    shown = [viewer.get(path).text for path in [*PAGES, "/listeners/promo"]]  # nothing has come
    fill(valkey)
    shown += [viewer.get(path).text for path in [*PAGES, "/listeners/promo", "/sinks/billing"]]
    links = {link for page in shown for link in re.findall(r'<a [^>]*href="(/[^"]*)"', page)}
    assert {"/sinks", "/listeners/promo"} <= links
    assert [link for link in links if viewer.get(html.unescape(link)).status_code == 403] == []


def _stale(page: str) -> str:
    return page if 'class="stale"' in page else ""
