"""The JSON Schemas (2020-12) of the published event types, made of `receiver.events`."""

from functools import cache
from typing import Any, Final

import msgspec

from receiver.events.event_types import TYPES, KnownEvent
from receiver.events.schema_uri import schema_uri

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
EVERY: Final = "events"
"""The name of the schema of events of whatever type."""

Schema = dict[str, Any]


def names() -> list[str]:
    """Return the names of all schemas: the event types, and `EVERY`."""
    return [*TYPES, EVERY]


def document(name: str) -> Schema:
    """Return the schema of an event type, or of an event of any type. Raises `KeyError`."""
    kind = KnownEvent if name == EVERY else TYPES[name]
    (root,), definitions = components("#/$defs/{name}", kind)
    if name != EVERY:
        root = definitions.pop(TYPES[name].__name__)
        data = root["properties"]["data"]["$ref"].rpartition("/")[2]
        definitions[data] = {"$anchor": "data", **definitions[data]}
    head = {"$schema": DIALECT, "$id": schema_uri(name), "title": name}
    return {**head, **{key: said for key, said in root.items() if key != "title"}} | {
        "$defs": definitions
    }


def summary(name: str) -> str:
    """Return what a type says, in a sentence."""
    return TYPES[name].__doc__ or ""


def components(template: str, *kinds: Any) -> tuple[list[Schema], dict[str, Schema]]:
    """Return the schemas of `kinds`, and the definitions that they refer to by `template`."""
    roots, definitions = msgspec.json.schema_components(kinds, ref_template=template)
    for kind in TYPES.values():
        for said in definitions.get(kind.__name__, {}).get("properties", {}).values():
            _without_null(said)
    return list(roots), definitions


def _without_null(attribute: Schema) -> None:
    """Remove null from an attribute's types: one that an event does not have is left out."""
    if "default" in attribute:
        del attribute["default"]
        wanted = next(one for one in attribute.pop("anyOf") if one != {"type": "null"})
        attribute.update(wanted)


@cache
def encoded(name: str) -> bytes:
    """Return a schema as JSON that people can read. Raises `KeyError`."""
    return msgspec.json.format(msgspec.json.encode(document(name)), indent=2) + b"\n"
