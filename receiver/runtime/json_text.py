"""JSON of what may name a file: its path need not be UTF-8, and JSON is."""

import json
from typing import Any

import msgspec


def encode(value: Any) -> bytes:
    """Encode a value as JSON, with `?` for each octet of a text that is no UTF-8."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        found = msgspec.to_builtins(value)
        text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "replace")
