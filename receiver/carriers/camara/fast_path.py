"""A CloudEvent as CAMARA's APIs document it, recognised by typed decodes: the fast path of the web
process.

What is not exactly that takes the general path (`envelope`), which reads every other form too. What
is accepted here is accepted there.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from receiver.carriers.formats.cloudevent_text import has_control

_Text = Annotated[str, Meta(min_length=1)]
_Scalar = str | int | float | bool | None
_Flat = dict[str, _Scalar]
_Inner = dict[str, _Scalar | list[_Scalar | _Flat] | _Flat]
"""As deep as CAMARA's payloads are; deeper ones take the general path, which has
`json_body.MAX_DEPTH`."""


_Data = dict[str, _Scalar | list[_Scalar | _Flat] | _Inner]
_Time = Annotated[datetime, Meta(tz=True)]


class _Event(Struct, forbid_unknown_fields=True):
    specversion: Literal["1.0"]
    id: _Text
    source: _Text
    type: _Text
    datacontenttype: Literal["application/json"]
    data: _Data
    time: _Time | None = None


_decode: Final = msgspec.json.Decoder(_Event).decode
_decode_data: Final = msgspec.json.Decoder(_Data).decode
_decode_time: Final = msgspec.json.Decoder(_Time).decode
_BACKSLASH: Final = ord("\\")
_DELETE: Final = 0x7F
_PLAIN: Final = bytes({*range(0x21, 0x7F)} - {*b'"%\\'})
"""What stands for itself in a header's value (HTTP binding 1.0.2, section 3.1.3.2) and needs no
escape in JSON: printable ASCII without blank, quotation mark, `%` and backslash."""
_REQUIRED: Final = frozenset({b"ce-specversion", b"ce-id", b"ce-source", b"ce-type"})
_TIME: Final = b"ce-time"
_STRUCTURED: Final = (
    b'{"specversion":"1.0","id":"%b","source":"%b","type":"%b",%b'
    b'"datacontenttype":"application/json","data":%b}'
)


def is_documented(body: bytes) -> bool:
    """Return whether a body is one CloudEvent in structured JSON, written as documented."""
    try:
        event = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    if event.id.isspace() or not (event.time is None or 1 < event.time.year < 9999):
        return False
    if body.isascii() and _BACKSLASH not in body and _DELETE not in body:
        return True  # in JSON a control character is escaped, or is DEL
    return not any(map(has_control, (event.id, event.source, event.type)))


def structured(headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bytes | None:
    """Return an event in binary mode, whose body is said to be `application/json`, in structured
    mode; None where it is not written as documented.
    """
    found = dict(headers)
    if len(found) != len(headers) or not _are_documented(tuple(found)):
        return None
    attributes = (found[b"ce-id"], found[b"ce-source"], found[b"ce-type"])
    time = found.get(_TIME)
    if (
        found[b"ce-specversion"] != b"1.0"
        or b"" in attributes
        or b"".join((*attributes, time or b"")).translate(None, _PLAIN)
    ):
        return None
    try:
        _decode_data(body)
        if time is not None and not 1 < _decode_time(b'"%b"' % time).year < 9999:
            return None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return _STRUCTURED % (*attributes, b"" if time is None else b'"time":"%b",' % time, body)


@lru_cache(maxsize=64)
def _are_documented(headers: tuple[bytes, ...]) -> bool:
    """Return whether headers have the attributes that are documented, and no others; cached, since
    one sender's requests have the same headers.
    """
    given = {name for name in headers if name.startswith(b"ce-")}
    return given - {_TIME} == _REQUIRED
