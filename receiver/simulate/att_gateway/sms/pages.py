"""The bodies of Get SMS: AT&T's and GSMA's signature, JSON and XML, and odd shapes."""

from collections.abc import Sequence
from typing import Any, Final
from xml.sax.saxutils import escape

import msgspec
from msgspec import Struct

from receiver.simulate.att_gateway.sms.inbox import Message

_ATT: Final = (
    "InboundSmsMessageList",
    "InboundSmsMessage",
    ("MessageId", "Message", "SenderAddress"),
    ("NumberOfMessagesInThisBatch", "ResourceUrl", "TotalNumberOfPendingMessages"),
)
"""SMS API v3, Get SMS, AT&T: keys in Pascal case; both counts are texts."""
_GSMA: Final = (
    "inboundSMSMessageList",
    "inboundSMSMessage",
    ("messageId", "message", "senderAddress"),
    ("numberOfMessagesInThisBatch", "resourceURL", "totalNumberOfPendingMessages"),
)
"""SMS API v3, Get SMS, GSMA OneAPI: keys in lower camel case."""


class Page(Struct, frozen=True):
    """A body, and the offsets in it at which each message is complete."""

    body: bytes
    media_type: str
    ends: list[int]


def page(
    messages: Sequence[Message], pending: int, url: str, *, gsma: bool, xml: bool, shape: str
) -> Page:
    """Write the answer. `shape` is empty for the documented one."""
    names = _GSMA if gsma or shape in ("lower_camel", "openapi") else _ATT
    if xml or shape == "xml":
        return _xml(messages, pending, url, names)
    return _json(messages, pending, url, names, shape)


def _json(messages: Sequence[Message], pending: int, url: str, names: Any, shape: str) -> Page:
    outer, inner, keys, (key_batch, key_url, key_pending) = names
    charset = "latin-1" if shape == "latin1" else "utf-8"
    body, ends = bytearray(f'{{"{outer}":{{"{inner}":'.encode()), []
    opened, closed = _brackets(shape, len(messages))
    body += opened
    for position, message in enumerate(messages):
        body += b"," if position else b""
        body += _encoded(_item(position, message, keys, shape), charset)
        ends.append(len(body))
    body += closed
    batch, left = _count(len(messages), shape), _count(pending, shape)
    rest = ((key_batch, batch), (key_url, url), (key_pending, left))
    for key, value in rest if shape != "openapi" else ():
        body += b"," + _encoded(key, charset) + b":" + _encoded(value, charset)
    body += b"}" if shape == "bad_json" else b"}}"
    media = "ISO-8859-1" if charset == "latin-1" else "UTF-8"
    return Page(bytes(body), f"application/json; charset={media}", ends)


def _item(position: int, message: Message, keys: Any, shape: str) -> dict[str, str]:
    """Return one message. The published reconstruction's has a time, and its page no counts."""
    values = (f"msg{position}", message.text, message.sender)
    found = dict(zip(keys, values, strict=True))
    if shape == "openapi":
        found["dateTime"] = message.accepted.strftime("%Y-%m-%dT%H:%M:%SZ")
    return found


def _brackets(shape: str, count: int) -> tuple[bytes, bytes]:
    if shape == "object" and count == 1:
        return b"", b""
    if shape == "null" and not count:
        return b"null", b""
    if shape == "bad_json" and count:
        return b"[", b",]"
    return b"[", b"]"


def _count(value: int, shape: str) -> int | str | None:
    """Return a count as a text, as a number, or as nothing where it is 0 ("zero (0) or empty")."""
    if shape == "ints":
        return value
    if not value and shape in ("empty", "null"):
        return "" if shape == "empty" else None
    return str(value)


def _encoded(value: object, charset: str) -> bytes:
    """Return JSON. What Latin-1 does not have is escaped."""
    if charset == "utf-8":
        return msgspec.json.encode(value)
    text = msgspec.json.encode(value).decode()
    return "".join(each if each < "\u0100" else _escaped(each) for each in text).encode("latin-1")


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def _xml(messages: Sequence[Message], pending: int, url: str, names: Any) -> Page:
    outer, inner, keys, (key_batch, key_url, key_pending) = names
    body, ends = bytearray(f"<{outer}>".encode()), []
    for position, message in enumerate(messages):
        fields = "".join(_element(*each) for each in _item(position, message, keys, "").items())
        body += f"<{inner}>{fields}</{inner}>".encode()
        ends.append(len(body))
    rest = ((key_batch, len(messages)), (key_url, url), (key_pending, pending))
    body += "".join(_element(key, str(value)) for key, value in rest).encode()
    body += f"</{outer}>".encode()
    return Page(bytes(body), "application/xml; charset=UTF-8", ends)


def _element(name: str, value: str) -> str:
    return f"<{name}>{escape(value)}</{name}>"
