"""`application/x-www-form-urlencoded` to plain values."""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from receiver.carriers.callback import Rejected

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}").fullmatch
_MAX_FIELDS: Final = 50


def form_value(text: str) -> dict[str, str]:
    """Name to value. A name given twice is refused: nobody can say which was meant."""
    pairs = text.strip().split("&")
    if len(pairs) > _MAX_FIELDS:
        raise Rejected("body: too many form fields")
    fields: dict[str, str] = {}
    for name, _, value in (pair.partition("=") for pair in pairs if pair):
        if not _NAME(name):
            raise Rejected("body: not JSON, XML or a form")
        if name.lower() in fields:
            raise Rejected("body: a form field is given twice")
        fields[name.lower()] = _decoded(name.lower(), value)
    return fields


def _decoded(name: str, value: str) -> str:
    # A + that was not percent-encoded is a blank in a text, but the country code's in an address.
    if not name.endswith("address"):
        value = value.replace("+", " ")
    octets = unquote_to_bytes(value)
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")
