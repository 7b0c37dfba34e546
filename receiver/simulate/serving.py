"""What the simulated servers share: how they are served, their JSON, the records of requests."""

from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Final

import msgspec
import uvicorn
from msgspec import Struct
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import Receive, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_CONNECTION: Final = "receiver.connection"
_KEPT: Final = 100_000
"""Requests in the records; the oldest go first. The counts stay."""


class Connection(HttpToolsProtocol):
    """uvicorn's protocol, which also gives the application its connection, so that it can be cut
    and its end can be seen.
    """

    watch: Callable[[Exception | None], None] | None = None
    """Is told of the connection's end."""

    def on_message_begin(self) -> None:
        """Store the connection where a request can find it. Who asks again has read the answer."""
        super().on_message_begin()
        if self.watch:
            self.watch(None)
            self.watch = None
        self.scope["state"][_CONNECTION] = self

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell of the end (asyncio's callback)."""
        super().connection_lost(exc)
        if self.watch:
            self.watch(exc)


def connection(scope: Scope) -> Connection:
    """Return the connection of a request."""
    found: Connection = scope["state"][_CONNECTION]
    return found


async def gone(receive: Receive) -> None:
    """Wait until the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def server(app: Starlette, host: str, port: int) -> uvicorn.Server:
    """Return a server that is not started yet."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=Connection,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="error",
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    return uvicorn.Server(config)


def json(status: int, document: object) -> Response:
    """Return a JSON answer."""
    return Response(msgspec.json.encode(document), status, media_type="application/json")


class Calls:
    """The requests to a server, or those that it sends."""

    def __init__(self) -> None:
        self._kept: deque[Struct] = deque(maxlen=_KEPT)
        self.answers: Counter[str] = Counter()

    def note(self, call: Struct, answer: str) -> None:
        """Add a request, and count its answer."""
        self._kept.append(call)
        self.answers[answer] += 1

    def shown(self) -> list[Any]:
        """Return the latest for the records."""
        return [msgspec.to_builtins(each) for each in self._kept]
