"""Exports that take long: other pages have their threads, and nobody works for who has hung up."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import httpx2
import msgspec
import pytest
import uvicorn
from starlette.testclient import TestClient

from receiver.config.settings import Settings
from receiver.console import export, export_rows, sessions
from receiver.console.app import SLOW, THREADS, create
from receiver.console.pages import ROUTES
from receiver.console.protocol import Protocol
from receiver.console.sessions import Link
from tests.console.conftest import CLICK
from tests.support.commands import free_port
from tests.support.eventually import eventually
from tests.support.operators import serving
from tests.support.valkey import Valkey

EXPORT = "/export/dead-letters?format=ndjson&reason=zzz"


def test_many_exports_at_once_leave_the_other_pages_their_threads(
    operator: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go = threading.Semaphore(0), threading.Event()

    def slowly(*_: Any) -> tuple[list[Any], str]:
        begun.release()
        assert go.wait(120)
        return [], ""

    monkeypatch.setattr(export_rows, "dead_letters", SimpleNamespace(newest=slowly))
    with ThreadPoolExecutor(2 * THREADS + 1) as threads:
        exports = [threads.submit(operator.get, EXPORT) for _ in range(2 * THREADS)]
        try:
            for _ in range(SLOW):
                assert begun.acquire(timeout=60)
            for _ in range(20):
                page = threads.submit(operator.get, "/audit")
                assert page.result(timeout=60).status_code == 200
            assert not any(one.done() for one in exports)
        finally:
            go.set()
        assert {one.result(timeout=60).status_code for one in exports} == {200}


@pytest.fixture
def signed_in(valkey: Valkey, web: str) -> Iterator[httpx2.Client]:
    """Somebody before a console that really listens."""
    port = free_port()
    app = create(msgspec.structs.replace(Settings(), port=port), valkey.client(), ROUTES, web)
    config = uvicorn.Config(app, port=port, http=Protocol, lifespan="on", log_level="critical")
    base = f"http://127.0.0.1:{port}"
    with (
        serving(uvicorn.Server(config)),
        httpx2.Client(base_url=base, trust_env=False, timeout=60) as client,
    ):
        token = sessions.make_link(valkey.client(), Link("ada", "operator"))
        assert client.get(f"/login?token={token}", headers=CLICK).status_code == 303
        yield client


def test_an_export_ends_when_nobody_waits_for_it_any_more(
    signed_in: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, ended = threading.Semaphore(0), threading.Event()

    def endless(*_: Any) -> Iterator[None]:
        try:
            while True:
                looked.release()
                yield None
        finally:
            ended.set()

    monkeypatch.setattr(export, "AT_A_TIME", 0.01)
    monkeypatch.setattr(export_rows, "of_dead_letters", endless)
    with signed_in.stream("GET", EXPORT) as answer:
        assert answer.status_code == 200
        for _ in range(1_000):
            assert looked.acquire(timeout=60)
        assert not ended.is_set()
    eventually(ended.is_set)
