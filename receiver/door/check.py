"""Whether a whole request is what its carrier sends."""

from typing import Final

import structlog
from starlette.types import Scope

from receiver.carriers.callback import Callback, Reading, Rejected, Request
from receiver.door.refuse import Refuse
from receiver.logs import Seldom

_seldom = Seldom(structlog.get_logger())

_COMPRESSED: Final = frozenset({b"gzip", b"x-gzip", b"deflate", b"compress", b"br", b"zstd"})


def check(callback: Callback, scope: Scope, body: bytes) -> tuple[Reading, str]:
    """What the carrier's module reads in it, and its content type. Raises `Refuse`."""
    content_type = ""
    for name, value in scope["headers"]:
        if name == b"content-type":
            content_type = value.decode("latin-1")
        elif name == b"content-encoding" and _is_compressed(value):
            raise Refuse(415, "compressed bodies are not taken: send it as it is", body)
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
    """Other values are ignored: AT&T names character sets there (SMS v2)."""
    codings = content_encoding.lower().split(b",")
    return any(coding.strip() in _COMPRESSED for coding in codings)
