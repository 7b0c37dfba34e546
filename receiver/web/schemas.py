"""Serving the JSON Schemas of the published events: public, and the same until the next release."""

import hashlib
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from receiver.schemas import json_schema

PATH: Final = "/schemas/{name}.json"
CONTENT_TYPE: Final = "application/schema+json"
_FRESH: Final = "public, max-age=3600"


def routes() -> list[Route]:
    """Return the route of the schemas."""

    async def schema(request: Request) -> Response:
        try:
            body = json_schema.encoded(request.path_params["name"])
        except KeyError:
            raise HTTPException(404) from None
        return cacheable(request, body, CONTENT_TYPE)

    return [Route(PATH, schema)]


def cacheable(request: Request, body: bytes, content_type: str) -> Response:
    """Return a response that may be kept for an hour, and 304 to whoever has it still (RFC 9110,
    section 13.1.2).
    """
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"etag": tag, "cache-control": _FRESH}
    known = [one.strip().removeprefix("W/") for one in _if_none_match(request).split(",")]
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=content_type)


def _if_none_match(request: Request) -> str:
    return ",".join(request.headers.getlist("if-none-match"))


def described() -> dict[str, Any]:
    """Return the route's path item for OpenAPI."""
    name = {
        "name": "name",
        "in": "path",
        "required": True,
        "description": "An event type, or `events`: an event of any type.",
        "schema": {"enum": json_schema.names()},
    }
    summary = "The JSON Schema of a published event type."
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        "parameters": [name],
        "get": {
            "summary": summary,
            "responses": {
                "200": {
                    "description": summary,
                    "headers": {"ETag": {"schema": {"type": "string"}, "required": True}},
                    "content": {CONTENT_TYPE: {"schema": {"type": "object"}}},
                },
                "304": {"description": "It is what If-None-Match names."},
                "404": {
                    "description": "There is no such event type.",
                    "content": {"application/problem+json": problem},
                },
            },
        },
    }
