"""What is whole in a page that is cut or damaged: its complete messages or statuses, in order.

Reading an inbox removes what it hands out, so what has arrived of an answer is all there is.
"""

import re
from bisect import bisect_left
from contextlib import suppress
from typing import Any, Final

import msgspec

from receiver.carriers.att.body import text_of
from receiver.carriers.carrier import Rejected
from receiver.carriers.formats.json_body import MAX_DEPTH, json_value
from receiver.carriers.formats.json_repair import mended
from receiver.carriers.formats.xml_body import xml_value

# A string, up to the end where it is not closed, or a bracket.
_TOKEN: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{}]', re.DOTALL)
_BEGIN: Final = r"<((?:[\w.-]+:)?%s)(?=[\s>])[^<>]*>"
_END: Final = r"</((?:[\w.-]+:)?%s)\s*>"


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
    """Return the complete items: in XML those of this element, in JSON those with this member."""
    text = text_of(body)
    return _elements(text, element) if text[:1] == "<" else _objects(text, member)


class _Opened(msgspec.Struct):
    start: int
    named: bool = False
    """Whether the member's name stands in it, and in no object inside of it."""
    height: int = 1
    """Levels of objects, its own included."""


def _objects(text: str, member: str) -> list[Any]:
    """Return the complete JSON objects with this member; of nested ones the outermost."""
    found: list[tuple[int, Any]] = []
    opened: list[_Opened] = []
    for token in _TOKEN.finditer(text):
        if token[0] == "{":
            opened.append(_Opened(token.start()))
        elif token[0] != "}":
            if opened and token[0][1:-1].lower() == member:
                opened[-1].named = True
        elif opened:
            one = _closed(opened)
            item = _object(text[one.start : token.end()], member) if _may_be_item(one) else None
            if item is not None:
                while found and found[-1][0] > one.start:
                    found.pop()
                found.append((one.start, item))
    return [item for _, item in found]


def _closed(opened: list[_Opened]) -> _Opened:
    one = opened.pop()
    if opened:
        opened[-1].height = max(opened[-1].height, one.height + 1)
    return one


def _may_be_item(one: _Opened) -> bool:
    """Return whether to parse an object. The height is limited because each object around it may
    parse it once again.
    """
    return one.named and one.height <= MAX_DEPTH + 1


def _object(text: str, member: str) -> dict[str, Any] | None:
    try:
        value = json_value(mended(text).encode(errors="replace"))
    except Rejected:
        return None
    named = type(value) is dict and any(name.lower() == member for name in value)
    return value if named else None


def _elements(text: str, name: str) -> list[Any]:
    """Return the elements of this name, each up to the next closing tag of that name."""
    ends: dict[str, list[int]] = {}
    for end in re.finditer(_END % name, text, re.IGNORECASE):
        ends.setdefault(end[1].lower(), []).append(end.end())
    found, at = [], 0
    for begin in re.finditer(_BEGIN % name, text, re.IGNORECASE):
        closed = ends.get(begin[1].lower(), [])
        place = bisect_left(closed, begin.end())
        if begin.start() < at or place == len(closed):
            continue
        at = closed[place]
        with suppress(Rejected):
            found.append(next(iter(xml_value(text[begin.start() : at]).values())))
    return [item for item in found if type(item) is dict]
