"""A server with our protocol, and a connection to it."""

import socket
from collections.abc import Callable, Iterator

import pytest
from starlette.types import Receive, Scope, Send

from receiver.web import protocol
from tests.support.wired import serving

REQUEST = b"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi"
WITHIN = 0.5
"""Seconds in which a head is due once `hurry` is called."""


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads the body, unless the path says not to, and says how long it was."""
    length, more = 0, scope["path"] != "/unread"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length += len(message["body"])
        more = message["more_body"]
    body = str(length).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def line(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    """A connection to a server; it may rest for half a minute, or what the test asks for."""
    rest = getattr(request, "param", 30)
    with (
        serving(app, lifespan="off", timeout_keep_alive=rest) as port,
        socket.create_connection(("127.0.0.1", port), timeout=60) as connection,
    ):
        yield connection


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """To be asked for before `line`, and called when it has said what is to come in time: from then
    on heads are due soon. A deadline that short from the beginning could pass before the test has
    its turn.
    """
    monkeypatch.setattr(protocol, "HEAD_WITHIN", 2.5)  # so that the next look is soon
    return lambda: monkeypatch.setattr(protocol, "HEAD_WITHIN", WITHIN)
