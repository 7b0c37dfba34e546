"""Whether a whole request is what its carrier sends."""

from typing import Final

import structlog
from starlette.types import Scope

from receiver.carriers.carrier import Callback, Reading, Rejected, Request
from receiver.carriers.formats.charset_names import codec, declared
from receiver.runtime.logs import Seldom
from receiver.web.rejection import Refuse

_seldom = Seldom(structlog.get_logger())

_COMPRESSED: Final = frozenset({b"gzip", b"x-gzip", b"deflate", b"compress", b"br", b"zstd"})


def check(callback: Callback, scope: Scope, body: bytes) -> tuple[Reading, str]:
    """What the carrier's module reads in it, and its content type. Raises `Refuse`.

    AT&T documents that a character set is declared in Content-Encoding (SMS v2): read as the
    `charset` that it is.
    """
    content_type = encoding = ""
    for name, value in scope["headers"]:
        if name == b"content-type":
            content_type = value.decode("latin-1")
        elif name == b"content-encoding":
            if _is_compressed(value):
                raise Refuse(415, "compressed bodies are not taken: send it as it is", body)
            encoding = value.decode("latin-1")
    if encoding and codec(encoding) and not declared(content_type):
        content_type += f"; charset={encoding}"
    try:
        return callback.read(Request(content_type, scope["headers"], body)), content_type
    except Rejected as rejected:
        raise Refuse(rejected.status, rejected.reason, body) from None
    except Exception as error:  # noqa: BLE001 - a fault of ours may not lose what it met
        fault(callback, error)
        raise Refuse.fault(body) from None


def fault(callback: Callback, error: Exception) -> None:
    """Say that something of ours failed on a request; never what was in it."""
    _seldom.say("error", "door.fault", callback=callback.name, error=type(error).__name__)


def _is_compressed(content_encoding: bytes) -> bool:
    """Other values name a character set, or nothing that we know."""
    codings = content_encoding.lower().split(b",")
    return any(coding.strip() in _COMPRESSED for coding in codings)
