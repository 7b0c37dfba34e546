"""What is whole in a page that is cut or damaged: its complete messages or statuses, in order.

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

# A string, up to the end where it is not closed, or a bracket.
_TOKEN: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{}]', re.DOTALL)
_ELEMENT: Final = r"<((?:[\w.-]+:)?%s)(?=[\s>])[^>]*>.*?</\1\s*>"


def messages(body: bytes) -> bytes | None:
    """Return a page of the complete messages in a body, or None where there is none."""
    found = _items(body, "inboundSMSMessage", "senderaddress")
    page = {"InboundSmsMessageList": {"InboundSmsMessage": found}}
    return msgspec.json.encode(page) if found else None


def statuses(body: bytes) -> bytes | None:
    """Return an answer of the complete statuses in a body, or None where there is none."""
    found = _items(body, "deliveryInfo", "deliverystatus")
    answer = {"DeliveryInfoList": {"DeliveryInfo": found}}
    return msgspec.json.encode(answer) if found else None


def _items(body: bytes, element: str, member: str) -> list[Any]:
    """The items that are closed: in XML by their element, in JSON by a member in lower case."""
    text = text_of(body)
    return _elements(text, element) if text[:1] == "<" else _objects(text, member)


def _objects(text: str, member: str) -> list[Any]:
    """The JSON objects that are closed and have the member; of nested ones the outermost such."""
    found: list[tuple[int, Any]] = []
    opened: list[int] = []
    for token in _TOKEN.finditer(text):
        if token[0] == "{":
            opened.append(token.start())
        elif token[0] == "}" and opened:
            start = opened.pop()
            item = _object(text[start : token.end()], member)
            if item is not None:
                found = [one for one in found if one[0] < start]
                found.append((start, item))
    return [item for _, item in found]


def _object(text: str, member: str) -> dict[str, Any] | None:
    if member not in text.lower():
        return None
    try:
        value = json_value(mended(text).encode(errors="replace"))
    except Rejected:
        return None
    named = type(value) is dict and any(name.lower() == member for name in value)
    return value if named else None


def _elements(text: str, name: str) -> list[Any]:
    found = []
    for element in re.finditer(_ELEMENT % name, text, re.DOTALL | re.IGNORECASE):
        try:
            found.append(next(iter(xml_value(element[0]).values())))
        except Rejected:
            continue
    return [item for item in found if type(item) is dict]
