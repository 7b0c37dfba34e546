"""An AT&T body as plain values, whatever it is written in: JSON, else XML, else a form.

What it is written in is seen from the body: AT&T documents no content type, and its own sample
listeners check none.
"""

import re
from typing import Any, Final

from msgspec import Raw

from receiver.carriers.att.form import form_value
from receiver.carriers.att.xml import xml_value
from receiver.carriers.callback import Rejected
from receiver.carriers.decode import as_raw, json_value

# A pair of surrogates, a lone one (group 1), any other escape.
_ESCAPE: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|\\u([dD][89a-fA-F][0-9a-fA-F]{2})"
    r"|\\.",
    re.DOTALL,
)


def understand(body: bytes) -> tuple[Any, Raw | str]:
    """The body's value, and the body as it goes into an event. Raises `Rejected`."""
    try:
        return json_value(body), as_raw(body)
    except Rejected as fault:
        return _not_plain_json(body, fault)


def _not_plain_json(body: bytes, fault: Rejected) -> tuple[Any, Raw | str]:
    text = as_text(body)
    begins = text.lstrip()[:1]
    if begins == "<":
        return xml_value(text), text
    if begins in ("{", "["):
        recoded = _ESCAPE.sub(_whole_character, text).encode()
        if recoded == body:
            raise fault
        return json_value(recoded), as_raw(recoded)
    if "=" in text:
        return form_value(text), text
    raise fault


def _whole_character(escape: re.Match[str]) -> str:
    """A long text is cut without regard for characters: its half of an emoji is a lone surrogate,
    which no UTF-8 can hold.
    """
    return "\\ufffd" if escape[1] else escape[0]


def as_text(body: bytes) -> str:
    """UTF-8 or UTF-16 where it is that, else Latin-1, which every byte string is.

    AT&T names "GSM 7-bit, Latin1, UCS2" as its character sets (SMS v2, "Content-Encoding").
    """
    try:
        return body.decode(_unicode(body))
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _unicode(body: bytes) -> str:
    # JSON and XML begin with an ASCII character, so a NUL says where its other byte is (RFC 4627,
    # section 3).
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if body[:1] == b"\0":
        return "utf-16-be"
    return "utf-16-le" if body[1:2] == b"\0" else "utf-8-sig"
