"""The token endpoint: client credentials, and three ways to authenticate (RFC 6749, 7523)."""

import base64
import json
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote_plus

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from msgspec import Struct

from receiver.simulate.operator.scenario import Client, Scenario
from receiver.simulate.scenario import ScenarioError
from receiver.simulate.token_endpoint import TokenRefused, basic

_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ALGORITHMS: Final = ["RS256", "PS256", "ES256", "ES384", "ES512"]


class Token(Struct, frozen=True):
    """An access token."""

    client: str
    ends: datetime
    scopes: frozenset[str] | None
    """None: everything is allowed."""
    device: dict[str, Any] | None
    """The device it identifies ("three-legged"), with one identifier."""


class Tokens:
    """All tokens that were issued, and the assertions that were seen."""

    def __init__(self, scenario: Callable[[], Scenario], now: Callable[[], datetime]) -> None:
        """Read the clients' keys. Raises `ScenarioError` for a key file that cannot be read."""
        self._scenario = scenario
        self._now = now
        self._clients = {client.id: client for client in scenario().client}
        self._keys = {client.id: _keys(client) for client in scenario().client if client.jwks}
        self._tokens: dict[str, Token] = {}
        self._seen: set[str] = set()

    def issue(
        self,
        client: str,
        expires_in: float,
        scopes: frozenset[str] | None = None,
        device: dict[str, Any] | None = None,
    ) -> str:
        """Issue a token. Negative seconds make one that has expired."""
        value = secrets.token_urlsafe(24)
        ends = self._now() + timedelta(seconds=expires_in)
        self._tokens[value] = Token(client, ends, scopes, device)
        return value

    def find(self, value: str) -> Token | None:
        """Return a token that is valid now."""
        found = self._tokens.get(value)
        return found if found and found.ends > self._now() else None

    def forget(self) -> None:
        """Make every token invalid, as an operator does that has lost its sessions."""
        self._tokens.clear()

    def grant(self, form: dict[str, str], authorization: str, audience: set[str]) -> dict[str, Any]:
        """Respond to a token request. Raises `TokenRefused`.

        `audience`: what an assertion may call this server.
        """
        client = self._client(form, authorization, audience)
        settings = self._scenario().authentication
        if form.get("grant_type") != "client_credentials":
            raise TokenRefused("unsupported_grant_type", "client_credentials is supported")
        scope = form.get("scope", "")
        if settings.scope_required and not scope:
            raise TokenRefused("invalid_scope", "scope is required")
        scopes = frozenset(scope.split()) if settings.check_scopes else None
        expires: int | str = settings.expires_in
        return {
            "access_token": self.issue(client.id, settings.expires_in, scopes),
            "token_type": "Bearer",
            "expires_in": str(expires) if settings.expires_in_text else expires,
        } | ({"scope": scope} if scope else {})

    def _client(self, form: dict[str, str], authorization: str, audience: set[str]) -> Client:
        if "client_assertion" in form:
            return self._asserted(form, audience)
        if authorization:
            pair = basic(authorization)
            if pair is None:
                raise TokenRefused("invalid_client", "Basic authentication is wanted")
            name, secret = map(unquote_plus, pair)  # RFC 6749, 2.3.1: both are form-encoded
            return self._known(name, secret, "client_secret_basic")
        return self._known(
            form.get("client_id", ""), form.get("client_secret", ""), "client_secret_post"
        )

    def _known(self, name: str, secret: str, method: str) -> Client:
        client = self._clients.get(name)
        right = client is not None and secrets.compare_digest(
            client.secret.encode(), secret.encode()
        )
        if client is None or not right or method not in client.methods:
            raise TokenRefused("invalid_client", f"no client of this id and secret ({method})")
        return client

    def _asserted(self, form: dict[str, str], audience: set[str]) -> Client:
        """Check a client's signed assertion (RFC 7523, 3), which must not come twice."""
        if form.get("client_assertion_type") != _ASSERTION:
            raise TokenRefused("invalid_client", f"client_assertion_type is not {_ASSERTION}")
        assertion = form["client_assertion"]
        client = self._clients.get(_issuer(assertion))
        if client is None or client.id not in self._keys or "private_key_jwt" not in client.methods:
            raise TokenRefused("invalid_client", "no client with a key has this issuer")
        try:
            claims = jwt.decode(assertion, self._keys[client.id], algorithms=_ALGORITHMS).claims
        except (JoseError, ValueError):
            raise TokenRefused("invalid_client", "the signature is wrong") from None
        self._check(claims, client.id, audience)
        return client

    def _check(self, claims: dict[str, Any], client: str, audience: set[str]) -> None:
        now = self._now().timestamp()
        longest = self._scenario().authentication.max_assertion_seconds
        ends, named, jti = claims.get("exp"), claims.get("aud"), claims.get("jti")
        if claims.get("sub") != client:
            raise TokenRefused("invalid_client", "sub is not the client")
        if not audience & set(named if isinstance(named, list) else [named]):
            raise TokenRefused("invalid_client", "aud is not this server")
        if not isinstance(ends, int | float) or ends <= now:
            raise TokenRefused("invalid_client", "the assertion has expired")
        begin = claims.get("iat", now)
        if not isinstance(begin, int | float) or ends - begin > longest or ends - now > longest:
            raise TokenRefused("invalid_client", f"the assertion lives over {longest} seconds")
        if not isinstance(jti, str) or jti in self._seen:
            raise TokenRefused("invalid_client", "jti is missing, or was used before")
        self._seen.add(jti)


def _keys(client: Client) -> KeySet:
    try:
        return KeySet.import_key_set(json.loads(Path(client.jwks).read_text("utf-8")))
    except OSError as error:
        raise ScenarioError(f"{client.jwks}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, JoseError):
        raise ScenarioError(f"{client.jwks}: a JWK set is wanted") from None


def _issuer(assertion: str) -> str:
    """Return whose key is to be tried: not believed before the signature is."""
    try:
        payload = assertion.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(claims["iss"])
    except (ValueError, IndexError, KeyError, TypeError, RecursionError):
        return ""
