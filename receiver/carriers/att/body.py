"""An AT&T body as plain values: JSON, else XML, else a form.

What it is written in is seen from the body: AT&T documents no content type, and its own sample
listeners check none. It also "names GSM 7-bit, Latin1, UCS2" as its character sets (SMS v2,
"Content-Encoding").
"""

import re
from typing import Any, Final

from msgspec import Raw

from receiver.carriers.carrier import Rejected
from receiver.carriers.formats import json_repair
from receiver.carriers.formats.charset import body_text
from receiver.carriers.formats.charset_names import codec, decides, declared
from receiver.carriers.formats.form_body import form_value
from receiver.carriers.formats.json_body import as_raw, json_value
from receiver.carriers.formats.xml_body import xml_value

_PADDING: Final = "\0 \t\r\n"
_XML_ENCODING: Final = re.compile(
    rb"""[\0\s]*<\?xml\s[^>]{0,80}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})"""
).match


def understand(body: bytes, content_type: str = "") -> tuple[Any, Raw | str]:
    """Return the body's value, and the body as it goes into an event. Raises `Rejected`."""
    fault = Rejected("body: not JSON, XML or a form")
    if is_plain(body, content_type):
        try:
            return json_value(body), as_raw(body)
        except Rejected as found:
            fault = found
    codecs = _declared(body, content_type)
    try:
        return _understand(body, codecs, fault)
    except Rejected:
        if not codecs:
            raise
        return _understand(body, (), fault)  # what was declared is not what was sent


def text_of(body: bytes, *codecs: str) -> str:
    """Return the text of a body, without what stands around it."""
    return body_text(body, *codecs).strip(_PADDING)


def is_plain(body: bytes, content_type: str) -> bool:
    """Return whether a body may be read as UTF-8 without looking at its character set."""
    return body.isascii() or not decides(content_type)


def _declared(body: bytes, content_type: str) -> tuple[str, ...]:
    inside = _XML_ENCODING(body[:200])
    named = (declared(content_type), codec(inside[1].decode()) if inside else "")
    return tuple(filter(None, named))


def _understand(body: bytes, codecs: tuple[str, ...], fault: Rejected) -> tuple[Any, Raw | str]:
    text = text_of(body, *codecs)
    if text[:1] == "<":
        return xml_value(text), text
    if text[:1] in ("{", "["):
        mended = json_repair.mended(text).encode()
        return json_value(mended), as_raw(mended)
    if "=" in text:
        return form_value(text, codecs), text
    raise fault
