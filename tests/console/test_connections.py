"""Connections to the console end: of who sends nothing, too much, or reads nothing."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing

import pytest
import uvicorn
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from receiver.console import protocol
from receiver.console.protocol import HEAD_BYTES, Protocol
from tests.support.bare import connect, read_all, read_answer, status
from tests.support.eventually import eventually

HEAD = b"GET / HTTP/1.1\r\nhost: x\r\n"
FORM = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"


async def _endless() -> AsyncIterator[bytes]:
    while True:
        await asyncio.sleep(0)
        yield bytes(1 << 16)


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer; under /stream without an end."""
    stream = scope["path"] == "/stream"
    response = StreamingResponse(_endless()) if stream else Response("ok")
    await response(scope, receive, send)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[uvicorn.Server]:
    monkeypatch.setattr(protocol, "HEAD_WITHIN", 0.3)
    monkeypatch.setattr(protocol, "READ_WITHIN", 0.3)
    config = uvicorn.Config(_app, port=0, http=Protocol, lifespan="off", log_level="critical")
    made = uvicorn.Server(config)
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    eventually(lambda: made.started)
    yield made
    made.should_exit = True
    thread.join()


@pytest.fixture
def port(server: uvicorn.Server) -> int:
    return int(server.servers[0].sockets[0].getsockname()[1])


@pytest.mark.parametrize("end", [b"", b"\r\n", b"content-length: 9\r\n\r\n"])
@pytest.mark.parametrize("later", [False, True])
def test_a_head_has_a_most_of_fields(port: int, end: bytes, later: bool) -> None:
    with closing(connect(port)) as line:
        if later:
            line.sendall(HEAD + b"\r\n")
            assert status(read_answer(line)) == 200
        line.sendall(HEAD + b"a:\r\n" * 300 + end)
        assert status(read_all(line)) == 431
    with closing(connect(port)) as line:
        line.sendall(HEAD + b"a:\r\n" * 200 + b"\r\n")
        assert status(read_answer(line)) == 200


@pytest.mark.parametrize("sent", [b"", b"G", HEAD, HEAD + b"x: y"])
def test_a_head_that_does_not_come_is_waited_for_some_seconds(port: int, sent: bytes) -> None:
    with closing(connect(port)) as line:
        line.sendall(sent)
        assert status(read_all(line)) == 408


def test_so_it_is_with_a_later_head_of_a_connection(port: int) -> None:
    with closing(connect(port)) as line:
        line.sendall(HEAD + b"\r\n")
        assert status(read_answer(line)) == 200
        line.sendall(HEAD)
        assert status(read_all(line)) == 408


@pytest.mark.parametrize("sent", [b"GET /", HEAD + b"x: ", HEAD + b"x: y\r\n" * 8_000])
def test_a_head_without_an_end_is_refused(port: int, sent: bytes) -> None:
    with closing(connect(port)) as line:
        line.sendall(sent + b"y" * (HEAD_BYTES + 1 - len(sent)))
        assert status(read_all(line)) == 431


def test_a_form_as_large_as_a_head_may_not_be_is_none(port: int) -> None:
    with closing(connect(port)) as line:
        line.sendall(FORM % (2 * HEAD_BYTES) + bytes(2 * HEAD_BYTES))
        assert status(read_answer(line)) == 200
        line.sendall(HEAD + b"\r\n")
        assert status(read_answer(line)) == 200


def test_the_rest_of_a_body_that_is_answered_is_waited_for_some_seconds(port: int) -> None:
    with closing(connect(port)) as line:
        line.sendall(FORM % 100 + b"x")
        assert status(read_answer(line)) == 200
        assert read_all(line) == b""


def test_who_reads_nothing_of_a_stream_is_cut_off(server: uvicorn.Server, port: int) -> None:
    with closing(connect(port)) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 12)
        line.sendall(b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n")
        eventually(lambda: bool(server.server_state.connections))
        eventually(lambda: not server.server_state.connections)


def test_a_connection_too_many_is_told_so(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "CONNECTIONS", 1)
    with closing(connect(port)) as first, closing(connect(port)) as second:
        assert status(read_all(second)) == 503
        first.sendall(HEAD + b"\r\n")
        assert status(read_answer(first)) == 200
