"""How long somebody is signed in, and what a Redis in trouble has to do with it."""

import asyncio
import threading
from typing import Any

import msgspec
import pytest
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.testclient import TestClient

from receiver.console import app, audit, pages, sessions
from receiver.console.app import COOKIE
from receiver.console.mask import masks
from receiver.console.sessions import Link
from receiver.contract.redis_keys import (
    CONSOLE,
    CONSOLE_AUDIT,
    DEAD_LETTERS,
    EVENTS,
    INBOUND,
    REJECTED,
)
from tests.console.conftest import CLICK, OURS
from tests.console.test_live import accept, receipt, work
from tests.support.valkey import Valkey


def test_a_link_that_redis_takes_no_session_for_is_not_used_up(
    stranger: TestClient, valkey: Valkey
) -> None:
    client = valkey.client()
    token = sessions.make_link(client, Link("ada", "operator"))
    client.config_set("maxmemory", 1)
    try:
        assert stranger.get(f"/login?token={token}", headers=CLICK).status_code == 503
    finally:
        client.config_set("maxmemory", "256mb")
    assert stranger.get(f"/login?token={token}", headers=CLICK).status_code == 303
    assert len(list(client.scan_iter(f"{CONSOLE}:session:*"))) == 1


def test_of_two_who_click_at_once_one_is_signed_in(valkey: Valkey) -> None:
    client = valkey.client()
    token = sessions.make_link(client, Link("ada", "operator"))
    other: list[Any] = []

    class Slow:
        """Somebody else uses the link up between two commands."""

        def get(self, key: str) -> Any:
            found = client.get(key)
            other.append(sessions.use_link(client, token))
            return found

        def __getattr__(self, name: str) -> Any:
            return getattr(client, name)

    assert sessions.use_link(Slow(), token) is None  # type: ignore[arg-type]
    assert other[0]
    assert len(list(client.scan_iter(f"{CONSOLE}:session:*"))) == 1


def test_a_full_redis_is_looked_at_all_the_same(operator: TestClient, valkey: Valkey) -> None:
    accept(valkey, 1)
    work(valkey)
    assert operator.get(f"/n/{receipt(1)}").status_code == 200
    operator.app._app.state.masks = None  # type: ignore[attr-defined] # a console that was started just now
    client = valkey.client()
    client.config_set("maxmemory", 1)
    try:
        for path in ("/", "/live", f"/n/{receipt(1)}", "/dead-letters", "/rejected", "/ledger"):
            assert operator.get(path).status_code == 200, path
        refused = operator.post(f"/n/{receipt(1)}/reveal", headers=OURS)
        assert refused.status_code == 503
        assert "Redis refuses this" in refused.text
        assert "maxmemory" in refused.text
        assert "does not answer" not in refused.text
    finally:
        client.config_set("maxmemory", "256mb")


def test_who_signed_out_is_out_while_redis_is_gone_too(
    operator: TestClient, valkey: Valkey
) -> None:
    cookie = {"cookie": f"{COOKIE}={operator.cookies[COOKIE]}"}
    assert operator.get("/").status_code == 200
    operator.post("/logout", headers=OURS)
    valkey.kill()
    try:
        answer = operator.get("/", headers=cookie)
        assert (answer.status_code, "ada" in answer.text) == (503, False)
    finally:
        valkey.restart()


def streamed(operator: TestClient, method: str = "GET") -> Any:
    scope = {"type": "http", "method": method, "app": operator.app._app}  # type: ignore[attr-defined]
    cookie = f"{COOKIE}={operator.cookies[COOKIE]}".encode()
    scope |= {"query_string": b"", "headers": [(b"cookie", cookie)], "path": "/live/stream"}
    return pages.live.stream(Request(scope))


def test_the_live_tail_ends_with_the_session(
    operator: TestClient, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages.live, "ASK_AGAIN", -1.0)

    async def scene() -> list[str]:
        body = (await streamed(operator)).body_iterator
        await anext(body), await anext(body)
        accept(valkey, 1)
        assert receipt(1) in (await anext(body)).decode()
        sessions.end(valkey.client(), operator.cookies[COOKIE])
        accept(valkey, 2)
        return [one.decode() async for one in body]

    assert asyncio.run(asyncio.wait_for(scene(), 60)) == []


def test_to_ask_for_the_head_of_the_live_tail_begins_none(operator: TestClient) -> None:
    answer = asyncio.run(streamed(operator, "HEAD"))
    assert answer.body == b""


def test_what_another_program_wrote_is_no_fault_of_ours(
    operator: TestClient, valkey: Valkey
) -> None:
    client = valkey.client()
    audit.write(client, "ada", "first")
    client.xadd(CONSOLE_AUDIT, {"b": "x"})
    client.xadd(CONSOLE_AUDIT, {"a": b"\xff{"})
    page = operator.get("/audit").text
    assert page.count("written by another program") == 2
    assert ">first<" in page
    assert operator.get("/export/audit").text.count("written by another program") == 2
    for stream, field in ((EVENTS, "event"), (DEAD_LETTERS, "d"), (REJECTED, "r"), (INBOUND, "n")):
        for words in (b'{"id":1,"receiptid":[]}', b"\xff{", b"[]"):
            entry: Any = client.xadd(stream, {field: words})
            assert operator.get(f"/n/{entry.decode()}").status_code == 404
    (key,) = client.scan_iter(f"{CONSOLE}:session:*")
    client.set(key, b"\xff{")
    assert operator.get("/audit").headers["location"] == "/login"


@pytest.mark.parametrize("value", ["+12065550142", "tel:+12065550142", " SIP:lovelace@example.com"])
@pytest.mark.parametrize("name", ["id", "source", "messageId", "status"])
def test_an_address_is_masked_whatever_its_name_is(valkey: Valkey, name: str, value: str) -> None:
    found = masks(valkey.client())
    for document in ({name: value}, {name: [1, value]}, {"a": {name: value}}):
        shown = found.body(msgspec.json.encode(document))
        assert "2065550142" not in shown
        assert "lovelace" not in shown
    assert found.document({name: "a-1 2026-01-31"}) == {name: "a-1 2026-01-31"}


def test_no_number_gets_on_the_audit_trail_in_place_of_an_id(
    operator: TestClient, valkey: Valkey
) -> None:
    assert operator.post("/n/+12065550142/reveal", headers=OURS).status_code == 404
    assert audit.newest(valkey.client()) == []


def test_pages_have_their_threads_while_slow_ones_wait_in_line(operator: TestClient) -> None:
    inner = operator.app._app  # type: ignore[attr-defined]
    begun, go_on = threading.Semaphore(0), threading.Event()

    def work_of_seconds() -> None:
        begun.release()
        assert go_on.wait(30)

    async def scene() -> int:
        async with app._few_threads(inner):
            request = Request({"type": "http", "app": inner})
            waiting = [asyncio.create_task(app.slowly(request, work_of_seconds)) for _ in range(20)]
            for _ in range(app.SLOW):
                await asyncio.to_thread(begun.acquire)
            quick = [run_in_threadpool(lambda: 1) for _ in range(app.THREADS)]
            done = sum(await asyncio.gather(*quick))
            go_on.set()
            await asyncio.gather(*waiting)
        return done

    assert asyncio.run(scene()) == app.THREADS
