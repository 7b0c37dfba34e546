"""Refusing a request: the exception that carries the response, and what is kept of the request."""

import re
import time
from collections.abc import Iterable
from typing import Final

import structlog

from receiver.auth.bearer import tokens
from receiver.carriers.carrier import Callback
from receiver.contract.records import Refusal
from receiver.intake.accept import Receipts
from receiver.web.request import Request
from receiver.web.responses import Headers

log = structlog.get_logger()

HEAD_KEPT: Final = 4096
"""Bytes kept of a body that was too large or never complete."""
KEPT: Final = frozenset({400, 403, 408, 413, 415})
"""Answers to authentic requests that are kept on `receiver:rejected` before they are given."""
COUNTED: Final = {404: "unknown listener", 405: "method", 429: "overload"}
"""Answers that leave a count only, and the word it is counted under."""
_SECRET: Final = re.compile(b"auth|cookie|token|secret|passw|signature|api-?key").search


class Refuse(Exception):
    """Ends a request with this response; `body` is what has been read of it so far."""

    def __init__(
        self, status: int, message: str, body: bytes = b"", *, unread: bool = False
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.body = body
        self.unread = unread
        self.kept = status in KEPT
        self.counted = COUNTED.get(status, "")

    @classmethod
    def unauthenticated(cls, reason: str) -> "Refuse":
        """Return a 401; the reason is counted and never sent."""
        refused = cls(401, "a valid bearer credential is required", unread=True)
        refused.counted = reason
        return refused

    @classmethod
    def unverified(cls) -> "Refuse":
        """Return 401 for a body without its carrier's signature: counted, not kept."""
        refused = cls(401, "a valid signature is required")
        refused.counted = "signature"
        return refused

    @classmethod
    def too_large(cls, cap: int, beginning: bytes) -> "Refuse":
        """Return a 413; the beginning of the body is kept."""
        message = f"the body may have {cap} bytes at most"
        return cls(413, message, beginning[:HEAD_KEPT], unread=True)

    @classmethod
    def fault(cls, body: bytes = b"", *, unread: bool = False) -> "Refuse":
        """Return a 503 for a fault of ours. The body that caused it is kept, so that it can be
        replayed once the fault is mended.
        """
        refused = cls(503, "the receiver failed on this request", body, unread=unread)
        refused.kept = not unread
        return refused


def kept_headers(headers: Headers, tokens: Iterable[bytes]) -> list[tuple[str, str]]:
    """Return the headers that may be kept: none that is named like a secret or holds the
    credential.

    Proxies repeat the URL, and with it `access_token`, in headers such as `X-Original-URI`.
    """
    secrets = [token for token in tokens if token]
    return [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in headers
        if not (
            _SECRET(name) or b"access_token" in value or any(secret in value for secret in secrets)
        )
    ]


def refusal_record(
    callback: Callback, request: Request, refused: Refuse, receipts: Receipts
) -> Refusal:
    """Return what is kept of a refused request, under a new receipt."""
    now = time.time_ns() // 1_000_000
    return Refusal(
        callback.name,
        request.listener,
        receipts.new(now),
        now,
        refused.status,
        refused.message,
        kept_headers(request.headers, tokens(request.headers, request.query)),
        refused.body,
    )


def log_refusal(refusal: Refusal) -> None:
    """Log that a request was refused and kept, and why; never its content."""
    log.warning(
        "door.refused",
        receipt=refusal.receipt,
        listener=refusal.listener,
        kind=refusal.callback,
        status=refusal.status,
        reason=refusal.reason,
    )
