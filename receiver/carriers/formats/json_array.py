"""The items of a JSON array as octets, each for itself."""

import json
import re
from collections.abc import Iterator
from typing import Final

from receiver.carriers.carrier import Rejected

_BLANKS: Final = " \t\r\n"
_COMMA: Final = re.compile(r"[ \t\r\n]*+,[ \t\r\n]*+").match
_scan: Final = json.JSONDecoder(parse_float=str, parse_int=str, strict=False).raw_decode
"""Reads what no other reader of ours does (half a surrogate pair, `NaN`), and says where it ends.
It is slow: a body may have very many items, so whoever has seen too many bad ones reads no further.
"""


def apart(body: bytes, fault: Rejected) -> Iterator[bytes]:
    """Yield the items of an array of which some cannot be read. Raises `fault` where nobody can
    tell where one ends.
    """
    text = body.decode("utf-8", "surrogateescape").strip(_BLANKS)
    if text[:1] != "[" or text[-1:] != "]":
        raise fault
    text = text[1:-1].strip(_BLANKS)
    at = 0
    while True:
        try:
            _, end = _scan(text, at)
        except (ValueError, RecursionError):
            raise fault from None
        yield text[at:end].encode("utf-8", "surrogateescape")
        if end == len(text):
            return
        if (comma := _COMMA(text, end)) is None:
            raise fault
        at = comma.end()
