"""The AsyncAPI 3 document: where the events come out, and what they are."""

from functools import cache
from typing import Any, Final

import msgspec

from receiver import __version__
from receiver.events.event_types import TYPES
from receiver.schemas import web_hooks
from receiver.schemas.json_schema import summary

CONTENT_TYPE: Final = "application/vnd.aai.asyncapi+json;version=3.0.0"

_CHANNELS: Final[dict[str, dict[str, Any]]] = {
    "stream": {
        "address": "receiver:events",
        "title": "The Redis Stream",
        "description": "Each entry has one field, `event`: the JSON document. Every event is on it "
        "exactly once; a consumer group sees each at least once.",
        "servers": [{"$ref": "#/servers/redis"}],
    },
    "streamOfYours": {
        "address": "{stream}",
        "title": "A Redis Stream of yours",
        "description": "A sink of kind `redis-stream`: as above, on any Redis.",
        "servers": [{"$ref": "#/servers/redis"}],
        "parameters": {"stream": {"description": "The sink's `stream` in receiver.toml."}},
    },
    "rqQueue": {
        "address": "rq:queue:{queue}",
        "title": "An RQ queue",
        "description": "A sink of kind `rq`: a job that calls its `function` with the event, "
        "a dictionary, as its one argument; serializer JSON.",
        "servers": [{"$ref": "#/servers/redis"}],
        "parameters": {"queue": {"description": "The sink's `queue` in receiver.toml."}},
    },
    "webHook": {
        "address": "{path}",
        "title": "A web hook",
        "description": "A sink of kind `http`, in structured mode; signed as Standard Webhooks "
        "where it has secrets. At least once, always under the same `webhook-id`.",
        "servers": [{"$ref": "#/servers/consumer"}],
        "parameters": {"path": {"description": "Of the sink's `url` in receiver.toml."}},
    },
}
_OPERATIONS: Final = {
    "publish": ("stream", "Publish an event."),
    "copy": ("streamOfYours", "Copy an event to a stream of yours."),
    "enqueue": ("rqQueue", "Enqueue a job for an event."),
    "post": ("webHook", "Post an event to a web hook."),
}


def document() -> dict[str, Any]:
    """Return the document as plain values. The application that it describes is the receiver:
    what it sends, a consumer receives.
    """
    return {
        "asyncapi": "3.0.0",
        "id": "urn:telecom-receiver",
        "info": {
            "title": "telecom-receiver",
            "version": __version__,
            "description": "Normalised events of telecom networks, as CloudEvents 1.0.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": web_hooks.CONTENT_TYPE,
        "servers": {
            "redis": _server("redis", "localhost:6379", "The Redis in REDIS_URL, or the sink's."),
            "consumer": _server("https", "hooks.example.com", "The host of the sink's url."),
        },
        "channels": {name: _channel(name) for name in _CHANNELS},
        "operations": {name: _operation(*said) for name, said in _OPERATIONS.items()},
        "components": {
            "messages": {name: _message(name) for name in TYPES},
            "schemas": web_hooks.schemas(),
        },
    }


def _server(protocol: str, example: str, description: str) -> dict[str, Any]:
    host = {"default": example, "description": description}
    return {"host": "{host}", "protocol": protocol, "variables": {"host": host}}


def _channel(channel: str) -> dict[str, Any]:
    messages = {name: {"$ref": f"#/components/messages/{name}"} for name in TYPES}
    return {**_CHANNELS[channel], "messages": messages}


def _operation(channel: str, said: str) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": said,
        **({"bindings": {"http": {"method": "POST"}}} if channel == "webHook" else {}),
    }


def _message(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "summary": summary(name),
        "contentType": web_hooks.CONTENT_TYPE,
        "payload": {"$ref": f"#/components/schemas/{TYPES[name].__name__}"},
    }


@cache
def encoded() -> bytes:
    """Return the document as JSON that people can read."""
    return msgspec.json.format(msgspec.json.encode(document()), indent=2) + b"\n"
