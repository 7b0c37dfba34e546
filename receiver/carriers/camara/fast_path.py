"""A CloudEvent as CAMARA's APIs document it, recognised by typed decodes: the fast path of the web
process.

What is not exactly that takes the general path (`envelope`), which reads every other form too. What
is accepted here is accepted there.
"""

from collections.abc import Sequence
from datetime import datetime
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
_NAMES: Final = {
    f"ce-{name}".encode(): f'"{name}":"'.encode()
    for name in ("specversion", "id", "source", "type", "time")
}
"""Headers of binary mode, and how their members begin."""
_REQUIRED: Final = frozenset(_NAMES) - {b"ce-time"}


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
    given = [pair for pair in headers if pair[0].startswith(b"ce-")]
    found = dict(given)
    if len(found) != len(given) or not _REQUIRED <= found.keys() <= _NAMES.keys():
        return None
    values = found.values()
    if (
        found[b"ce-specversion"] != b"1.0"
        or b"" in values
        or b"".join(values).translate(None, _PLAIN)
    ):
        return None
    try:
        _decode_data(body)
        if b"ce-time" in found and not 1 < _decode_time(b'"%b"' % found[b"ce-time"]).year < 9999:
            return None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    members = [_NAMES[name] + value for name, value in found.items()]
    return b'{%b","datacontenttype":"application/json","data":%b}' % (b'",'.join(members), body)
