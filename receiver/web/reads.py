"""The routes of a web process for GET, which need no credential."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.routing import Route as Path

from receiver.carriers.formats.problem_details import problem
from receiver.metrics.scrape import CONTENT_TYPE, Scrape
from receiver.metrics.unauthenticated import UnauthenticatedCounts
from receiver.runtime import json_text
from receiver.web import schemas
from receiver.web.openapi import Description


def routes(
    readiness: Callable[[], tuple[int, dict[str, Any]]], scrape: Scrape, description: Description
) -> list[BaseRoute]:
    """Return the routes for GET: health, readiness, metrics, and what describes the others."""

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_: Request) -> Response:
        status, said = readiness()
        return Response(json_text.encode(said), status, media_type="application/json")

    async def metrics(_: Request) -> Response:
        return Response(await scrape.text(), media_type=CONTENT_TYPE)

    async def described(_: Request) -> Response:
        return Response(description.encoded(reads), media_type="application/json")

    reads = {
        "/healthz": healthz,
        "/readyz": readyz,
        "/metrics": metrics,
        "/openapi.json": described,
    }
    plain = [Path(path, answer) for path, answer in reads.items()]
    return [*plain, *schemas.routes()]


def not_found(
    unauthenticated: UnauthenticatedCounts,
) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Return the handler of requests that no route takes: 404, and 405 for another method than GET
    on a path of ours.
    """

    async def answer(_: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 503
        unauthenticated.count("-", {404: "unknown address", 405: "method"}.get(status, "fault"))
        content_type, body = problem(status, "there is nothing at this address and method")
        headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
        return Response(body, status, headers, media_type=content_type)

    return answer
