"""What a web hook is posted (the `http` sink), as OpenAPI's `webhooks` has it."""

from typing import Any, Final

from receiver.events.event_types import TYPES
from receiver.schemas.json_schema import components, summary

CONTENT_TYPE: Final = "application/cloudevents+json"
HEADERS: Final[dict[str, Any]] = {
    "webhook-id": {"type": "string", "description": "The event's id: the same for each attempt."},
    "webhook-timestamp": {
        "type": "string",
        "pattern": "^[0-9]+$",
        "description": "Seconds since 1970 at which it was sent.",
    },
    "webhook-signature": {
        "type": "string",
        "description": "Standard Webhooks: `v1,` and HMAC-SHA256 over id, timestamp and body, for "
        "each secret; where the sink has any.",
    },
}
"""Header -> its schema (Standard Webhooks specification 1.0.0)."""

_ANSWERS: Final = {
    "2XX": "It is safe: done.",
    "408": "It comes again, for 72 hours.",
    "410": "Nothing more is wanted: the sink stops.",
    "425": "It comes again, for 72 hours.",
    "429": "It comes again, for 72 hours; Retry-After is honoured.",
    "4XX": "Refused: asked once more, then a dead letter.",
    "5XX": "It comes again, for 72 hours; Retry-After is honoured.",
}


def web_hooks() -> dict[str, Any]:
    """Return the member `webhooks` of an OpenAPI 3.1 document, one for each event type; it refers
    to `schemas`.
    """
    return {name: {"post": _operation(name)} for name in TYPES}


def schemas() -> dict[str, Any]:
    """Return the schemas for a document's `components/schemas`."""
    return components("#/components/schemas/{name}", *TYPES.values())[1]


def _operation(name: str) -> dict[str, Any]:
    body = {"schema": {"$ref": f"#/components/schemas/{TYPES[name].__name__}"}}
    return {
        "operationId": TYPES[name].__name__,
        "summary": summary(name),
        "parameters": [
            {"name": header, "in": "header", "required": header != "webhook-signature"}
            | {"description": schema["description"], "schema": schema}
            for header, schema in HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {CONTENT_TYPE: body}},
        "responses": {status: {"description": said} for status, said in _ANSWERS.items()},
    }
