"""Authenticates a request: by its credential before its body, by its signature after it."""

from typing import Final

import structlog

from receiver.auth.bearer import Credential, Unauthenticated, Undecided, tokens
from receiver.carriers.carrier import Callback, Unverified
from receiver.carriers.carrier import Request as CarrierRequest
from receiver.runtime.logs import Seldom
from receiver.web import webhook_handshake
from receiver.web.context import Context
from receiver.web.rejection import Refuse
from receiver.web.request import ADMITTED, Request
from receiver.web.responses import Headers
from receiver.web.rules import Rules

_UNCHECKED: Final = "signatures cannot be checked just now"

_seldom = Seldom(structlog.get_logger())


def handshake_permission(rules: Rules, callback: Callback, request: Request) -> Headers | None:
    """Return the answer to a handshake, which needs no credential; None where there is none."""
    if request.method != "OPTIONS" or not callback.handshake:
        return None
    if not rules.knows(request.listener):
        return None
    return webhook_handshake.permission(rules.handshake, request.headers)


def authenticate(context: Context, rules: Rules, request: Request) -> Credential:
    """Return the credential. Raises `Refuse` for all that can be said before the body, and
    `NotHeardOf` where the credential has to be looked up first.
    """
    if request.method != "POST":
        raise Refuse(405, "this address takes POST", unread=True)
    if not rules.knows(request.listener):
        raise Refuse(404, "there is no such listener", unread=True)
    try:
        credential = context.credentials.admit(
            tokens(request.headers, request.query), request.known
        )
    except Unauthenticated as refused:
        raise Refuse.unauthenticated(refused.reason) from None
    except Undecided:
        raise Refuse(503, "credentials cannot be checked just now", unread=True) from None
    request.connection[ADMITTED] = True
    if context.availability.closed:
        raise Refuse(503, "the receiver cannot store anything just now", unread=True)
    return credential


def verify_signature(
    context: Context, callback: Callback, variable: str, read: CarrierRequest, received: int
) -> None:
    """Verify a body's signature with the secrets that an environment variable holds. `received` is
    in milliseconds.

    Raises `Refuse`: 401 for a wrong signature; 503 where the secret is missing, for a fault of ours
    is never the carrier's.
    """
    secrets = context.signing_secrets.get(variable)
    if not (secrets and callback.verify):
        _seldom.say("error", "request.no_secret", callback=callback.name, variable=variable)
        raise Refuse(503, _UNCHECKED)
    try:
        callback.verify(read, secrets, received)
    except Unverified:
        raise Refuse.unverified() from None
