"""Refusing a request: the exception that carries the response, and what is kept of the request."""

import time
from typing import Final

import structlog

from receiver.carriers.carrier import Callback
from receiver.contract.records import Refusal
from receiver.intake.accept import Receipts
from receiver.web.kept_headers import without_secrets
from receiver.web.request import Request

log = structlog.get_logger()

HEAD_KEPT: Final = 4096
"""Bytes kept of a body that was too large or never complete."""
KEPT: Final = frozenset({400, 403, 408, 413, 415})
"""Answers to authentic requests that are kept on `receiver:rejected` before they are given."""
COUNTED: Final = {404: "unknown listener", 405: "method", 429: "overload"}
"""Answers that leave a count only, and the word it is counted under."""


class Refuse(Exception):
    """Ends a request with this response. `body` is what has been read of it so far; `unread` says
    that the rest of it is not waited for.
    """

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


def keeps_texts(request: Request) -> bool:
    """Return whether the texts of a private mailbox may be stored if this request has any."""
    return bool(request.rules and request.listener in request.rules.inbox_texts)


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
        list(without_secrets(request, request.headers)),
        _kept_body(callback, request, refused.body),
    )


def _kept_body(callback: Callback, request: Request, body: bytes) -> bytes:
    """Return the body as it came; that of a private mailbox without its texts, and none of it where
    they cannot be told from the rest.
    """
    if callback.private is None or keeps_texts(request):
        return body
    try:
        return callback.private(body)
    except Exception:  # noqa: BLE001 - a fault may be why the body is refused: then none is kept
        return b""


def log_refusal(refusal: Refusal) -> None:
    """Log that a request was refused and kept, and why; never its content."""
    log.warning(
        "request.refused",
        receipt=refusal.receipt,
        listener=refusal.listener,
        kind=refusal.callback,
        status=refusal.status,
        reason=refusal.reason,
    )
