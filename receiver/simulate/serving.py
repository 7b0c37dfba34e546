"""What the simulated servers share: how they are served, their JSON, their control routes."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

S = TypeVar("S", bound=msgspec.Struct)


def server(
    app: Starlette, host: str, port: int, protocol: type[asyncio.Protocol]
) -> uvicorn.Server:
    """Return a server that is not started yet."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=protocol,
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


def ordered(path: str, kind: Any, act: Callable[[Any], dict[str, Any]]) -> Route:
    """Return a route for orders of a kind, which answers a wrong one with 400 and what is wanted.
    Where `kind` is None what is sent does not matter.
    """

    async def endpoint(request: Request) -> Response:
        try:
            body = await request.body() or b"{}"
            return json(200, act(kind and msgspec.json.decode(body, type=kind)))
        except (ValueError, OverflowError) as error:  # msgspec's are ValueErrors
            return json(400, {"message": str(error)})

    return Route(path, endpoint, methods=["POST"])


def changed(scenario: S, changes: dict[str, Any]) -> S:
    """Return the scenario with some values replaced, section by section, as in its file.

    Raises `msgspec.ValidationError`, and leaves the scenario as it was.
    """
    now: dict[str, Any] = msgspec.to_builtins(scenario)
    for name, value in changes.items():
        inner = now.get(name)
        now[name] = inner | value if isinstance(inner, dict) and isinstance(value, dict) else value
    return msgspec.convert(now, type(scenario))
