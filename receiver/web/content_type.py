"""The content type of a request's body."""

from typing import Final

from receiver.carriers.formats.charset_names import codec, declared
from receiver.web.rejection import Refuse
from receiver.web.responses import Headers

_COMPRESSED: Final = frozenset(
    {b"gzip", b"x-gzip", b"deflate", b"compress", b"x-compress", b"br", b"zstd", b"dcb", b"dcz"}
)
"""IANA's HTTP content codings that compress."""


def content_type(headers: Headers, body: bytes) -> str:
    """Return the content type, with the character set of Content-Encoding (AT&T, SMS v2).

    Raises `Refuse` with the body: 415 for a compressed one, 400 for one in a transfer coding that
    nobody here undoes (RFC 9112, section 6.1).
    """
    found = encoding = ""
    codings: list[bytes] = []
    for name, value in headers:
        if name == b"content-type":
            found = value.decode() if value.isascii() else value.decode("latin-1")
        elif name == b"content-encoding":
            if not _COMPRESSED.isdisjoint(_listed(value)):  # AT&T names character sets there too
                raise Refuse(415, "compressed bodies are not taken: send it as it is", body)
            encoding = value.decode("latin-1")
        elif name == b"transfer-encoding":
            codings += _listed(value)
    if codings and codings != [b"chunked"]:
        raise Refuse(400, "transfer-encoding: chunked is the only coding that is taken", body)
    if encoding and codec(encoding) and not declared(found):
        found += f"; charset={encoding}"
    return found


def _listed(value: bytes) -> list[bytes]:
    """Return the members of a list, which may be empty (RFC 9110, section 5.6.1)."""
    return [one for each in value.lower().split(b",") if (one := each.strip())]
