"""CloudEvents' binary content mode: the attributes in `ce-` headers, the data in the body (HTTP
binding 1.0.2, section 3.1). Converted to the JSON event it stands for, so that only one form goes
further.
"""

import binascii
import re
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import msgspec

from receiver.carriers.camara import fast_path
from receiver.carriers.camara.content_type import ContentType, in_utf8, parse, text_in
from receiver.carriers.camara.envelope import cloudevent
from receiver.carriers.carrier import Rejected, Request
from receiver.carriers.formats.charset import strictly
from receiver.carriers.formats.json_body import MAX_DEPTH, readable, without_bom

_PREFIX: Final = b"ce-"
_NAMES: Final = {
    f"ce-{name}".encode(): name for name in ("specversion", "id", "source", "type", "time")
}
"""Of the usual headers: what `decode` would return."""
_NOT_ATTRIBUTES: Final = frozenset({"datacontenttype", "data", "data_base64"})
_JSON: Final = "application/json"
_ANYTHING: Final = ("", "application/octet-stream", "binary/octet-stream")
"""No type at all, and those that say as much."""
_ESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)
_PERCENT: Final = ord("%")
_QUOTE: Final = ord('"')
_SHOWABLE: Final = re.compile(r"[a-z][a-z]{0,39}").fullmatch
_encode: Final = msgspec.json.Encoder().encode


def is_binary(request: Request) -> bool:
    """Return whether a request is in binary mode: by the version header; any other `ce-` header
    alone does not count.
    """
    return b"ce-specversion" in dict(request.headers)


def holds_json(sent: ContentType, body: bytes) -> bool:
    """Return whether a body without a telling type is JSON (RFC 9110, section 8.3: then its type
    may be examined).
    """
    if sent.media_type not in _ANYTHING:
        return False
    body = without_bom(body).lstrip()
    if body[:1] not in (b"{", b"["):
        return False
    try:
        readable(body)
    except Rejected:
        return False
    return True


def rebuilt(request: Request, sent: ContentType) -> bytes:
    """Return the same event in structured JSON. Raises `Rejected` where it is no CloudEvent."""
    if request.content_type == _JSON:
        documented = fast_path.structured(request.headers, request.body)
        if documented is not None:
            return documented
    return _rebuilt(request, sent)


def _rebuilt(request: Request, sent: ContentType) -> bytes:
    event: dict[str, Any] = {}
    for header, value in request.headers:
        if header.startswith(_PREFIX):
            name = _NAMES.get(header) or header[len(_PREFIX) :].decode("latin-1")
            said = _value(name, value)
            if name == "datacontenttype" and (not sent.media_type or parse(said) == sent):
                event[name], sent = said, parse(said)
                continue
            if name in event or name in _NOT_ATTRIBUTES:
                raise Rejected(f"{_shown(name)}: given twice, or not an attribute")
            event[name] = said
    if request.content_type:
        event["datacontenttype"] = request.content_type
    if holds_json(sent, request.body):
        event["datacontenttype"], sent = _JSON, parse(_JSON)
    member, written = _data(request.body, sent)
    cloudevent(event | member)  # what is written is read no second time
    return _encode(event | written)


def _shown(name: str) -> str:
    return f"ce-{name}" if _SHOWABLE(name) else "a ce- header"


def _value(name: str, value: bytes) -> str:
    """Decode a header's value (section 3.1.3.2): quoted strings first, then one round of
    percent-decoding, then UTF-8. Octets that nobody has encoded and that are not UTF-8 are Latin-1,
    as fields once were (RFC 9110, section 5.5): the SDK for JavaScript sends letters like that.
    """
    value = value.strip()
    # Bytes in bytes would first be tried as a number, at the price of an exception.
    if _PERCENT not in value and _QUOTE not in value and value.isascii():
        return value.decode()
    if not value.isascii() and strictly(value, "utf_8") is None:
        value = value.decode("latin-1").encode()
    if len(value) >= 2 and value[:1] == value[-1:] == b'"':
        value = _ESCAPED.sub(rb"\1", value[1:-1])
    try:
        return unquote_to_bytes(value).decode()
    except UnicodeDecodeError:
        raise Rejected(f"{_shown(name)}: not UTF-8") from None


def _data(body: bytes, sent: ContentType) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the event's member for the body, as a value and as it is written: JSON as JSON, text
    as text, everything else in base64.
    """
    if not body:
        return {}, {}
    if sent.is_json:
        value, body = readable(without_bom(in_utf8(body, sent.charset)), MAX_DEPTH - 1)
        return {"data": value}, {"data": msgspec.Raw(body)}
    said = text_in(body, sent.charset)
    if said is None:
        encoded = {"data_base64": binascii.b2a_base64(body, newline=False).decode()}
        return encoded, encoded
    return {"data": said}, {"data": said}
