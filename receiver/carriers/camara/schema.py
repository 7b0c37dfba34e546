"""A CloudEvent as the door takes it, in JSON Schema, for the OpenAPI document."""

from typing import Any, Final

_PLAIN: Final = {"type": "string", "minLength": 1, "pattern": r"^[^\u0000-\u001f\u007f-\u009f]+$"}
_PLAIN_OR_NULL: Final = {**_PLAIN, "type": ["string", "null"]}

EVENT: Final[dict[str, Any]] = {
    "description": "A CloudEvent 1.0. An attribute that is null counts as absent.",
    "type": "object",
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {
            "description": "An integer, as in CAMARA's own examples, is taken as its decimal text.",
            "anyOf": [
                {"type": "string", "minLength": 1, "pattern": r"^[!-~][ -~]*$"},
                {"type": "integer", "minimum": -(2**63), "exclusiveMaximum": 2**64},
            ],
        },
        "source": _PLAIN,
        "type": {
            **_PLAIN,
            "examples": [
                "org.camaraproject.device-reachability-status-subscriptions.v0.reachability-data"
            ],
        },
        "time": {"type": ["string", "null"], "format": "date-time"},
        "subject": _PLAIN_OR_NULL,
        "dataschema": _PLAIN_OR_NULL,
        "datacontenttype": {"enum": ["application/json", None]},
        "data": {},
    },
    "propertyNames": {"pattern": "^[a-z0-9]+$"},
    "additionalProperties": {
        "anyOf": [
            {"type": ["string", "boolean", "null"]},
            {"type": "integer", "minimum": -(2**31), "exclusiveMaximum": 2**31},
        ]
    },
}
