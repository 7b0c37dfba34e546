"""Repair of JSON with known slips of senders.

Seen from gateways that put a text between quotes by themselves: line breaks and TABs as they are,
a backslash before what needs none, half an emoji where a long text was cut, a comma too many, a
number that is none. And a number that JSON allows but no double holds, which no reader could read.
"""

import re
from typing import Final

import msgspec

# A string, up to the end where it is not closed; a number (RFC 8259, section 6), which begins where
# nothing of a number stands before it: else each digit of what is none would be tried as its first.
_STRING: Final = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_NUMBER: Final = (
    r"(?P<number>(?<![0-9.eE+-])-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?"
    r"(?![0-9.eE+-]))"
)
_NUMBERS: Final = re.compile(f"{_STRING}|{_NUMBER}", re.DOTALL)
_TOKEN: Final = re.compile(
    rf"{_STRING}|{_NUMBER}|(?P<comma>,)(?=[ \t\r\n]*[}}\]])|(?P<word>-?\b(?:NaN|Infinity)\b)",
    re.DOTALL,
)
_SHORT: Final = 300
"""Digits without an exponent that every double holds."""
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


def readable_numbers(text: str) -> str:
    """Return the same JSON with each number that no double holds (`1e400`) as a text."""
    return _NUMBERS.sub(lambda found: _number(found[0]) if found["number"] else found[0], text)


def _token(token: re.Match[str]) -> str:
    match token.lastgroup:
        case "number":
            return _number(token[0])
        case "word":
            return f'"{token[0]}"'
        case "comma":
            return ""
        case _:
            return _SLIP.sub(_slip, token[0])


def _number(digits: str) -> str:
    if len(digits) < _SHORT and "e" not in digits.lower():
        return digits
    try:
        msgspec.json.decode(digits)
    except msgspec.DecodeError:
        return f'"{digits}"'
    return digits


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
