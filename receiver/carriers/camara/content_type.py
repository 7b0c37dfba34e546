"""The Content-Type header, parsed (RFC 9110, section 8.3)."""

import re
from typing import Final

from msgspec import Struct

from receiver.carriers.carrier import Rejected
from receiver.carriers.formats.charset import strictly
from receiver.carriers.formats.charset_names import codec
from receiver.carriers.formats.text_cache import text_cache

_CHARSET: Final = re.compile(r';\s*charset\s*=\s*"?([^\s;"]+)', re.IGNORECASE).search
_UTF8: Final = ("utf-8", "utf8", "us-ascii", "ascii")


class ContentType(Struct, frozen=True):
    """A media type and its character set, both in lower case; empty when they are not there."""

    media_type: str
    charset: str

    @property
    def is_json(self) -> bool:
        """Return whether the type is JSON, by its own name or by its suffix (RFC 6839)."""
        return self.media_type in ("application/json", "text/json") or self.media_type.endswith(
            "+json"
        )


@text_cache(256)
def parse(header: str) -> ContentType:
    """Parse a Content-Type. Never raises: what cannot be parsed is an unknown type."""
    charset = _CHARSET(header)
    return ContentType(
        header.partition(";")[0].strip().lower(), charset[1].lower() if charset else ""
    )


def in_utf8(body: bytes, charset: str) -> bytes:
    """Return a JSON body in UTF-8. JSON is UTF-8 (RFC 8259, section 8.1), but a sender that
    declares another character set is read as declared, unless the body is UTF-8 all the same.
    """
    if not charset or charset in _UTF8:
        return body
    try:
        if b"\0" not in body and body.decode():
            return body
    except UnicodeDecodeError:
        pass  # then it is what it says
    said = strictly(body, codec(charset))
    if said is None:
        raise Rejected("content-type: not in the character set it declares")
    return said.encode()


def text_in(body: bytes, charset: str) -> str | None:
    """Return a text in the character set that is declared, without one in UTF-8; None where it is
    not in it. What is declared Latin-1 or ASCII, as much software does unasked, and is UTF-8 is
    read as that.
    """
    name = codec(charset or "utf-8")
    said = strictly(body, "utf_8") if name == "cp1252" else None
    return strictly(body, name) if said is None else said
