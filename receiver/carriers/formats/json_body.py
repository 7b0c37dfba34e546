"""Bytes to JSON values, within limits; every JSON body is decoded here.

Whatever is wrong with the bytes becomes `Rejected`; nothing else leaves this module.
"""

from typing import Any, Final

import msgspec

from receiver.carriers.carrier import Rejected
from receiver.carriers.formats.json_repair import readable_numbers

MAX_DEPTH: Final = 60
"""Levels of nesting. With the event's own levels around it the body stays below 64, the narrowest
default limit of a JSON reader in common use (.NET), so every consumer can read what we publish."""

_BOM: Final = b"\xef\xbb\xbf"
_BRACKET, _NEW_LINE, _RETURN = b"[\n\r"
"""As numbers: bytes in bytes would first be tried as one, at the price of an exception."""
_decode = msgspec.json.Decoder().decode


def json_value(body: bytes, depth: int = MAX_DEPTH) -> Any:
    """Return the JSON value in `body`, which must be UTF-8 and have `depth` levels at most. Raises
    `Rejected`.
    """
    try:
        value = _decode(body)
    except UnicodeDecodeError:
        raise Rejected("body: not UTF-8") from None
    except RecursionError:
        raise Rejected("body: nested too deep") from None
    except msgspec.DecodeError as error:
        raise Rejected(_fault(body, str(error))) from None
    # Fewer brackets than levels allowed cannot be too deep; searching is quicker than counting.
    brackets = body.count(b"{") + (body.count(b"[") if _BRACKET in body else 0)
    if brackets > depth and _deeper(value, depth):
        raise Rejected("body: nested too deep")
    return value


def readable(body: bytes, depth: int = MAX_DEPTH) -> tuple[Any, bytes]:
    """Return the JSON value in `body`, and the body as every reader can read it: a number that no
    double holds (`1e400`) is a text in both. Raises `Rejected`.
    """
    try:
        return json_value(body, depth), body
    except Rejected:
        mended = readable_numbers(body.decode("utf-8", "surrogateescape"))
        mended_body = mended.encode("utf-8", "surrogateescape")
        if mended_body == body:
            raise
        return json_value(mended_body, depth), mended_body


def without_bom(body: bytes) -> bytes:
    """Return a body without its byte order mark, which RFC 8259, section 8.1 lets a reader
    ignore.
    """
    return body[3:] if body.startswith(_BOM) else body


def as_raw(body: bytes) -> msgspec.Raw:
    """Return a JSON body, already decoded once, as it goes into an event: on one line, else as it
    came.

    Line breaks between tokens would break the event's own JSON document over lines.
    """
    if _NEW_LINE in body or _RETURN in body:
        return msgspec.Raw(msgspec.json.format(body, indent=-1))
    return msgspec.Raw(body)


def _fault(body: bytes, error: str) -> str:
    if not body.strip():
        return "body: empty"
    # msgspec names the fault and its byte, never a value: "JSON is malformed: … (byte 12)".
    return f"body: not JSON: {error.removeprefix('JSON is malformed: ').lower()}"


def _deeper(value: Any, limit: int) -> bool:
    """Return whether a value is nested deeper. It goes level by level: depth costs no stack."""
    level = [value]
    for _ in range(limit + 1):
        inner: list[Any] = []
        for item in level:
            if type(item) is dict:
                inner.extend(item.values())
            elif type(item) is list:
                inner.extend(item)
        if not inner:
            return False
        level = inner
    return True
