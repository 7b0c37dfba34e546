"""The CloudEvent that is accepted, in JSON Schema, for the OpenAPI document."""

from typing import Any, Final

_PLAIN: Final = {"type": "string", "minLength": 1, "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$"}
_TEXT: Final = {**_PLAIN, "type": ["string", "number"]}
_OPTIONAL: Final = {**_PLAIN, "type": ["string", "number", "null"], "minLength": 0}

EVENT: Final[dict[str, Any]] = {
    "description": "A CloudEvent 1.0. An attribute that is null or empty counts as absent.",
    "type": "object",
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        "specversion": {
            "anyOf": [
                {"type": "string", "pattern": r"^1(\.[0-9]{1,4}){0,2}$", "examples": ["1.0"]},
                {"type": "number", "minimum": 1, "exclusiveMaximum": 2},
            ]
        },
        "id": {
            "description": "A number, as in CAMARA's own examples, is taken as its decimal text.",
            "anyOf": [
                {"type": "string", "minLength": 1, "pattern": r"^[!-~][ -~]*$"},
                {"type": "number", "minimum": -(2**63), "exclusiveMaximum": 2**64},
            ],
        },
        "source": _TEXT,
        "type": {
            **_TEXT,
            "examples": [
                "org.camaraproject.device-reachability-status-subscriptions.v0.reachability-data"
            ],
        },
        "time": {
            "anyOf": [
                {"type": ["string", "null"], "format": "date-time"},
                {"const": ""},
                # Seconds and milliseconds, microseconds, nanoseconds since 1970.
                {"type": "integer", "minimum": 10**8, "exclusiveMaximum": 10**13},
                {"type": "integer", "minimum": 10**14, "exclusiveMaximum": 10**16},
                {"type": "integer", "minimum": 10**17, "exclusiveMaximum": 10**19},
            ]
        },
        "subject": _OPTIONAL,
        "dataschema": _OPTIONAL,
        "datacontenttype": {"enum": ["application/json", "", None]},
        "data": {},
    },
    "propertyNames": {"pattern": "^[a-z0-9]+$"},
    "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
}
