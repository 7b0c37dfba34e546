"""What is whole in a page that is cut or damaged: its complete messages, in order.

Reading an inbox removes what it hands out, so what has arrived of an answer is all there is.
"""

import re
from typing import Any, Final

import msgspec

from receiver.carriers.att.body import text_of
from receiver.carriers.carrier import Rejected
from receiver.carriers.formats.json_body import json_value
from receiver.carriers.formats.json_repair import mended
from receiver.carriers.formats.xml_body import xml_value

_SENDER: Final = "senderaddress"
# A string, up to the end where it is not closed, or a bracket.
_TOKEN: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{}]', re.DOTALL)
_ELEMENT: Final = re.compile(
    r"<((?:[\w.-]+:)?inboundSMSMessage)(?=[\s>])[^>]*>.*?</\1\s*>", re.DOTALL | re.IGNORECASE
)


def messages(body: bytes) -> bytes | None:
    """Return a page of the complete messages in a body, or None where there is none."""
    text = text_of(body)
    found = _elements(text) if text[:1] == "<" else _objects(text)
    if not found:
        return None
    return msgspec.json.encode({"InboundSmsMessageList": {"InboundSmsMessage": found}})


def _objects(text: str) -> list[Any]:
    """The JSON objects that are closed and name a sender; of nested ones the outermost such."""
    found: list[tuple[int, Any]] = []
    opened: list[int] = []
    for token in _TOKEN.finditer(text):
        if token[0] == "{":
            opened.append(token.start())
        elif token[0] == "}" and opened:
            start = opened.pop()
            item = _message(text[start : token.end()])
            if item is not None:
                found = [one for one in found if one[0] < start]
                found.append((start, item))
    return [item for _, item in found]


def _message(text: str) -> dict[str, Any] | None:
    if _SENDER not in text.lower():
        return None
    try:
        value = json_value(mended(text).encode(errors="replace"))
    except Rejected:
        return None
    named = type(value) is dict and any(name.lower() == _SENDER for name in value)
    return value if named else None


def _elements(text: str) -> list[Any]:
    found = []
    for element in _ELEMENT.finditer(text):
        try:
            found.append(next(iter(xml_value(element[0]).values())))
        except Rejected:
            continue
    return [item for item in found if type(item) is dict]
