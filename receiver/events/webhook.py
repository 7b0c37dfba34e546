"""Verifying the signature of a web hook (Standard Webhooks specification 1.0.0).

HMAC-SHA256 over `webhook-id`, `webhook-timestamp` and the body as it came, joined by full stops.
"""

import base64
import hmac
import time
from collections.abc import Iterable
from typing import Final, Protocol

TOLERANCE: Final = 300
"""Seconds that a request's time may differ from ours, either way."""


_MOST: Final = 16
"""Signatures of one request that are looked at."""


class Headers(Protocol):
    """The headers of a request, as any framework has them."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Return name and value of each."""


class Unverified(Exception):
    """A request does not bear the signature of a known secret, or is too old: answer 401."""


def verify(
    headers: Headers,
    body: bytes,
    secrets: str | Iterable[str],
    *,
    tolerance: float = TOLERANCE,
    now: float | None = None,
) -> str:
    """Return the `webhook-id` of a request that is signed with one of `secrets`, each `whsec_` and
    base64; a text may hold several between blanks. Raises `Unverified` for all else that is sent,
    and `ValueError` for a secret that is none.

    `body` is the body as it came, before anything has read it. Names of headers are taken in any
    case. `now` is in seconds since 1970.
    """
    keys = [key_of(one) for one in (secrets.split() if isinstance(secrets, str) else secrets)]
    if not keys:
        raise ValueError("no secret: whsec_ and base64 are wanted")
    said = {name.lower(): value for name, value in headers.items()}
    name, written = said.get("webhook-id", ""), said.get("webhook-timestamp", "")
    if not name or not (written.isascii() and written.isdigit() and len(written) < 13):
        raise Unverified("webhook-id or webhook-timestamp is missing or malformed")
    if abs((time.time() if now is None else now) - int(written)) > tolerance:
        raise Unverified("webhook-timestamp is too old or too new")
    signed = f"{name}.{written}.".encode("utf-8", "replace") + body
    wanted = [hmac.digest(key, signed, "sha256") for key in keys]
    given = [_digest(one) for one in said.get("webhook-signature", "").split(" ")[:_MOST]]
    if not any(hmac.compare_digest(one, other) for one in given for other in wanted):
        missing = not said.get("webhook-signature", "").strip()
        raise Unverified(f"webhook-signature is {'missing' if missing else 'of no known secret'}")
    return name


def key_of(secret: str) -> bytes:
    """Return the key in a secret. Raises `ValueError`, without the secret."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not key:
        raise ValueError("a secret is malformed: whsec_ and base64 are wanted")
    return key


def _digest(signature: str) -> bytes:
    version, _, written = signature.partition(",")
    if version != "v1":
        return b""
    try:
        return base64.b64decode(written, validate=True)
    except ValueError:
        return b""
