"""Our HTTP protocol before an application that says what it was sent, in this process."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send

from receiver.web import protocol
from tests.support.eventually import eventually


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with method, path, headers and body, once it has all of them."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        more = message["more_body"]
    headers = [
        [name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]
    ]
    said = json.dumps([scope["method"], scope["path"], headers, body.decode()]).encode()
    head = [(b"content-length", str(len(said)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": said})


@contextmanager
def serving(app: Any, **options: Any) -> Iterator[int]:
    """Serve it, as `receiver web` does; gives the port."""
    config = uvicorn.Config(
        app,
        http=protocol.Protocol,
        loop="uvloop",
        log_config=None,
        log_level="error",
        proxy_headers=False,  # as `serve` has it: what stands between hides the short way
        **options,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            eventually(lambda: server.started)
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()
