"""The URIs of the event types' JSON Schemas."""

from typing import Final

from receiver.events.event_types import TYPES


def schema_uri(name: str) -> str:
    """Return the URI of a schema: a URN, which says which it is and not where it lies."""
    return f"urn:telecom-receiver:schema:{name}"


DATA_SCHEMAS: Final = {name: f"{schema_uri(name)}#data" for name in TYPES}
"""Event type -> its attribute `dataschema`: the part of its schema that "data adheres to"
(CloudEvents 1.0.2, section 3.1.2)."""
