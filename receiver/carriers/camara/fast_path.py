"""A CloudEvent as CAMARA's APIs document it, recognised by one typed decode: the fast path of the
web process.

What is not exactly that takes the general path (`envelope`), which reads every other form too. What
is accepted here is accepted there.
"""

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


class _Event(Struct, forbid_unknown_fields=True):
    specversion: Literal["1.0"]
    id: _Text
    source: _Text
    type: _Text
    datacontenttype: Literal["application/json"]
    data: dict[str, _Scalar | list[_Scalar | _Flat] | _Inner]
    time: Annotated[datetime, Meta(tz=True)] | None = None


_decode: Final = msgspec.json.Decoder(_Event).decode
_BACKSLASH: Final = ord("\\")
_DELETE: Final = 0x7F


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
