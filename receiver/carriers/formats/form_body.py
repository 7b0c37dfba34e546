"""`application/x-www-form-urlencoded` to plain values."""

import re
from typing import Any, Final
from urllib.parse import unquote, unquote_to_bytes

from receiver.carriers.carrier import Rejected
from receiver.carriers.formats import charset

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}").fullmatch
_MAX_FIELDS: Final = 1000


def form_value(text: str, codecs: tuple[str, ...]) -> dict[str, Any]:
    """Return name -> value, a list where a name is given more than once. Fields with names that
    none of ours can have (`tags[]`) are ignored. Raises `Rejected`.
    """
    pairs = text.strip().split("&")
    if len(pairs) > _MAX_FIELDS:
        raise Rejected("body: too many form fields")
    fields: dict[str, list[str]] = {}
    for written, _, value in (pair.partition("=") for pair in pairs):
        name = unquote(written).strip().lower()
        if _NAME(name):
            fields.setdefault(name, []).append(_decoded(name, value, codecs))
    if not fields:
        raise Rejected("body: not JSON, XML or a form")
    return {name: said[0] if len(said) == 1 else said for name, said in fields.items()}


def _decoded(name: str, value: str, codecs: tuple[str, ...]) -> str:
    # A + that was not percent-encoded is a blank in a text, but the country code's in an address.
    if not name.endswith("address"):
        value = value.replace("+", " ")
    if value.isascii():
        return charset.text(unquote_to_bytes(value), *codecs)
    return charset.text(unquote_to_bytes(value))  # the whole body is decoded, and UTF-8 by now
