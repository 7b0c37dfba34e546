"""A server with our protocol, and a connection to it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from receiver.web import protocol
from tests.support.eventually import eventually

REQUEST = b"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi"


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
    config = uvicorn.Config(
        app,
        http=protocol.Protocol,
        loop="uvloop",
        lifespan="off",
        log_config=None,
        log_level="error",
        timeout_keep_alive=getattr(request, "param", 30),
    )
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    eventually(lambda: server.started)
    with closing(socket.create_connection(listening.getsockname(), timeout=60)) as connection:
        yield connection
    server.should_exit = True
    thread.join()
    listening.close()
