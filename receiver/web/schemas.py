"""Serving what describes the published events: public, and the same until the next release."""

import hashlib
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from receiver.schemas import asyncapi, json_schema

PATH: Final = "/schemas/{name}.json"
ASYNCAPI: Final = "/asyncapi.json"
CONTENT_TYPE: Final = "application/schema+json"
_FRESH: Final = "public, max-age=3600"


def routes() -> list[Route]:
    """Return the routes of the schemas and of the AsyncAPI document."""

    async def schema(request: Request) -> Response:
        try:
            body = json_schema.encoded(request.path_params["name"])
        except KeyError:
            raise HTTPException(404) from None
        return cacheable(request, body, CONTENT_TYPE)

    async def channels(request: Request) -> Response:
        return cacheable(request, asyncapi.encoded(), asyncapi.CONTENT_TYPE)

    return [Route(PATH, schema), Route(ASYNCAPI, channels)]


def cacheable(request: Request, body: bytes, content_type: str) -> Response:
    """Return a response that may be kept for an hour, and 304 to whoever has it still (RFC 9110,
    section 13.1.2).
    """
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"etag": tag, "cache-control": _FRESH}
    asked = ",".join(request.headers.getlist("if-none-match"))
    known = [one.strip().removeprefix("W/") for one in asked.split(",")]
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=content_type)


def described() -> dict[str, Any]:
    """Return the routes' path items for OpenAPI."""
    name = {
        "name": "name",
        "in": "path",
        "required": True,
        "description": "An event type, or `events`: an event of any type.",
        "schema": {"enum": json_schema.names()},
    }
    missing = {
        "description": "There is no such event type.",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
    schema = _read("The JSON Schema of a published event type.", CONTENT_TYPE)
    schema["responses"]["404"] = missing
    channels = _read("Where the events come out, as AsyncAPI.", asyncapi.CONTENT_TYPE)
    return {PATH: {"parameters": [name], "get": schema}, ASYNCAPI: {"get": channels}}


def _read(summary: str, content_type: str) -> dict[str, Any]:
    found = {
        "description": summary,
        "headers": {"ETag": {"schema": {"type": "string"}, "required": True}},
        "content": {content_type: {"schema": {"type": "object"}}},
    }
    kept = {"description": "It is what If-None-Match names."}
    return {"summary": summary, "responses": {"200": found, "304": kept}}
