"""A consumer's web hook: a real HTTP server on loopback that behaves as the test wants."""

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import msgspec

from tests.support.threaded import threaded


class Request(NamedTuple):
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """The body as an event."""
        event: dict[str, Any] = msgspec.json.decode(self.body)
        return event


Behaviour = Callable[[Request, "Handler"], int | None]
"""Answers with a status, or has done everything itself and answers None."""


class Handler(BaseHTTPRequestHandler):
    """Hands each request to the consumer's behaviour."""

    protocol_version = "HTTP/1.1"
    consumer: "Consumer"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.path, headers, body)
        self.consumer.requests.append(request)
        status = self.consumer.behaviour(request, self)
        if status is not None:
            self.answer(status)

    def answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Quiet."""


class Consumer(ThreadingHTTPServer):
    """Everything it was asked is in `requests`; `behaviour` may be replaced at any time."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int = 0) -> None:
        handler = type("_Handler", (Handler,), {"consumer": self})
        super().__init__(("127.0.0.1", port), handler)
        self.requests: list[Request] = []
        self.behaviour: Behaviour = lambda _request, _handler: 204
        self.over = threading.Event()

    @property
    def netloc(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.netloc}/hook?key=1"

    @property
    def ids(self) -> list[str]:
        """`webhook-id` of each request."""
        return [request.headers["webhook-id"] for request in self.requests]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that was cut is what the test wanted."""


@contextlib.contextmanager
def consuming(context: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Consumer]:
    """A consumer for the length of the block; with a context it speaks TLS."""
    server = Consumer(port)
    if context:  # before it serves: meanwhile the server would have no socket
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with threaded(server):
        try:
            yield server
        finally:
            server.over.set()


def answering(status: int, **headers: str) -> Any:
    """A behaviour: this answer, to everything."""
    return lambda _request, handler: handler.answer(status, **headers)
