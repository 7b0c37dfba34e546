"""Admits a request to the API: by access token and its scopes, or by fixed headers."""

from collections.abc import Mapping
from datetime import UTC, datetime

from receiver.simulate.operator.dialects import Dialect
from receiver.simulate.operator.problems import Refused
from receiver.simulate.operator.scenario import Authentication
from receiver.simulate.operator.tokens import Token, Tokens

_EVERYBODY = Token("everybody", datetime.max.replace(tzinfo=UTC), None, None)
"""Whoever is admitted without a token: all are one client."""


def admit(headers: Mapping[str, str], settings: Authentication, tokens: Tokens) -> Token:
    """Return the token of a request. Raises `Refused` with 401."""
    if settings.kind == "none":
        return _EVERYBODY
    if settings.kind == "headers":
        if any(headers.get(name) != value for name, value in settings.headers.items()):
            raise Refused(401)
        return _EVERYBODY
    scheme, _, value = headers.get("authorization", "").partition(" ")
    found = tokens.find(value.strip()) if scheme.lower() == "bearer" else None
    if found is None:
        raise Refused(401)
    return found


def require(token: Token, *scopes: str) -> None:
    """Raise `Refused` with 403 unless the token has one of the scopes.

    A scope may stand behind a purpose: `dpv:FraudPreventionAndDetection#scope` (CAMARA profile).
    """
    if token.scopes is None:
        return
    held = {each.rpartition("#")[2] for each in token.scopes}
    if not held & set(scopes):
        raise Refused(403)


def require_creation(token: Token, dialect: Dialect, event_type: str) -> None:
    """Raise `Refused` unless a subscription to this type may be created.

    A token for another event type only is a mismatch (SubscriptionPermissionDenied403).
    """
    if dialect.flat:
        require(token, "device-status:subscriptions:create")
        return
    wanted = f"{dialect.api}:{event_type}:create"
    try:
        require(token, wanted, dialect.api)
    except Refused:
        others = {f"{dialect.api}:{each}:create" for each in dialect.types}
        held = {each.rpartition("#")[2] for each in token.scopes or ()}
        if held & others:
            raise Refused(
                403, "SUBSCRIPTION_MISMATCH", "Inconsistent access token for the requested events."
            ) from None
        raise


def manage_scope(dialect: Dialect, verb: str) -> str:
    """Return the scope of `read` or `delete`."""
    return f"{dialect.api}:subscriptions:{verb}" if dialect.flat else f"{dialect.api}:{verb}"
