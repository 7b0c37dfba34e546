"""Repair of JSON with known slips of senders.

Seen from gateways that put a text between quotes by themselves: line breaks and TABs as they are,
a backslash before what needs none, half an emoji where a long text was cut, a comma too many.
"""

import re
from typing import Final

# A string, up to the end where it is not closed; a comma before a closing bracket (group 1).
_TOKEN: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|(,)(?=[ \t\r\n]*[}\]])', re.DOTALL)
# What is wrong inside of a string, and the escapes that are right, which have to be passed over.
_SLIP: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    r'|\\u[0-9a-fA-F]{4}|\\["\\/bfnrt]'
    r"|(?P<needless>\\')|(?P<backslash>\\)|(?P<control>[\x00-\x1f])"
)


def mended(text: str) -> str:
    """Return the same JSON without slips; what is right stays as it is."""
    return _TOKEN.sub(_token, text)


def _token(token: re.Match[str]) -> str:
    return "" if token[1] else _SLIP.sub(_slip, token[0])


def _slip(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "half":  # of a surrogate pair, which no UTF-8 can hold
            return "\\ufffd"
        case "needless":
            return "'"
        case "backslash":
            return "\\\\"
        case "control":
            return f"\\u{ord(found[0]):04x}"
        case _:
            return found[0]
