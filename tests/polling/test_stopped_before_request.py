"""A process that is told to stop before its request has left sends none."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from receiver.polling import gateway
from receiver.polling.process import Process
from receiver.polling.rounds import Round
from tests.support.polling import FAST, Polled, configured
from tests.support.threaded import threaded
from tests.support.valkey import Valkey


class Held(ThreadingHTTPServer):
    """A gateway that gives a token when it is allowed to, and notes who reads the inbox."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), type("_Handler", (_Handler,), {"held": self}))
        self.wanted, self.given = threading.Event(), threading.Event()
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    held: Held

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.held.wanted.set()
        assert self.held.given.wait(60)
        self._answer({"access_token": "t", "token_type": "bearer", "expires_in": "0"})

    def do_GET(self) -> None:
        self.held.asked.append(self.path)
        self._answer({"InboundSmsMessageList": {"InboundSmsMessage": []}})

    def _answer(self, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def held() -> Iterator[Held]:
    server = Held()
    with threaded(server):
        try:
            yield server
        finally:
            server.given.set()


@pytest.fixture
def polled(valkey: Valkey, tmp_path: Path, held: Held) -> Polled:
    return Polled(valkey, tmp_path, configured(held.url))


async def one_round(polled: Polled, stop: threading.Event) -> Round:
    process = Process(polled.settings, stop.is_set, FAST)
    try:
        return await process.once(polled.poll)
    finally:
        await process.close()


def test_told_to_stop_while_it_waits_for_a_token_it_asks_for_no_messages(
    polled: Polled, held: Held
) -> None:
    stop = threading.Event()

    async def scene() -> Round:
        done = asyncio.create_task(one_round(polled, stop))
        assert await asyncio.to_thread(held.wanted.wait, 60)
        stop.set()
        held.given.set()
        return await done

    done = asyncio.run(scene())
    assert held.asked == []
    assert (done.outcome, done.trouble) == ("skipped", "this process is to end")
    assert polled.pages() == []
    assert not polled.state().keys() & {"outcome", "trouble", "failures"}  # of the next process


def test_nor_where_it_is_told_while_it_connects(
    polled: Polled, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()
    trace = gateway._Begun.trace

    async def stopping(self: gateway._Begun, event: str, info: dict[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            stop.set()
        await trace(self, event, info)

    monkeypatch.setattr(gateway._Begun, "trace", stopping)
    held.given.set()
    done = asyncio.run(one_round(polled, stop))
    assert held.asked == []
    assert (done.outcome, polled.pages()) == ("skipped", [])


def test_a_process_that_goes_on_asks_for_them(polled: Polled, held: Held) -> None:
    held.given.set()
    assert polled.once().outcome == "empty"
    assert len(held.asked) == 1
