"""The OAuth endpoints: client credentials, refresh, authorization code, revocation (OAuth v4)."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from receiver.simulate.att_gateway.scenario import Client, Scenario
from receiver.simulate.token_endpoint import TokenRefused

_CODE_SECONDS: Final = 600
"""RFC 6749, 4.1.2: "a maximum authorization code lifetime of 10 minutes is RECOMMENDED"."""


class Token(Struct, frozen=True):
    """An access token, a refresh token or an authorization code."""

    client: str
    ends: datetime | None
    """None: it never ends."""
    scopes: frozenset[str]
    consent: bool = False
    """A subscriber has consented: it opens his mailbox."""
    family: str = ""
    """The grant that it came from: a revoked refresh token takes its access tokens along."""


class Tokens:
    """All that was issued, by value."""

    def __init__(self, scenario: Callable[[], Scenario], now: Callable[[], datetime]) -> None:
        self._scenario = scenario
        self._now = now
        self._access: dict[str, Token] = {}
        self._refresh: dict[str, Token] = {}
        self._codes: dict[str, Token] = {}
        self.issued = 0
        self.refreshed = 0

    def find(self, value: str) -> Token | None:
        """Return an access token that is valid now."""
        return self._valid(self._access.get(value))

    def client(self, name: str, secret: str) -> Client | None:
        """Return the client of this id and secret."""
        for client in self._scenario().client:
            if client.id == name and secrets.compare_digest(
                client.secret.encode(), secret.encode()
            ):
                return client
        return None

    def issue(
        self,
        client: str,
        scopes: frozenset[str],
        *,
        consent: bool = False,
        family: str = "",
        life: float | None = None,
    ) -> dict[str, Any]:
        """Issue an access token and its refresh token. Returns the answer of the token endpoint."""
        settings = self._scenario().gateway
        seconds = settings.token_life if life is None else life
        family = family or secrets.token_hex(8)
        access, refresh = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        ends = self._now() + timedelta(seconds=seconds) if seconds else None
        self._access[access] = Token(client, ends, scopes, consent, family)
        ends = self._now() + timedelta(seconds=settings.refresh_life)
        self._refresh[refresh] = Token(client, ends, scopes, consent, family)
        self.issued += 1
        return {
            "access_token": access,
            "token_type": "bearer",
            "expires_in": str(seconds) if settings.expires_in_text else seconds,
            "refresh_token": refresh,
        }

    def grant(self, form: dict[str, str], basic: tuple[str, str] | None) -> dict[str, Any]:
        """Respond to a token request. Raises `TokenRefused`."""
        client = self._authenticated(form, basic)
        match form.get("grant_type"):
            case "client_credentials":
                wanted = scopes_of(form.get("scope", ""))
                if not wanted:
                    raise TokenRefused("invalid_scope", "scope is required")
                return self.issue(client.id, wanted)
            case "refresh_token":
                return self._renew(form.get("refresh_token", ""), client)
            case "authorization_code":
                found = self._valid(self._codes.pop(form.get("code", ""), None))
                if not found or found.client != client.id:
                    raise TokenRefused("invalid_grant", "the code is unknown, used or too old")
                return self.issue(client.id, found.scopes, consent=True)
            case _:
                raise TokenRefused("unsupported_grant_type", "the grant_type is not supported")

    def authorize(self, client: str, scope: str) -> str:
        """Return a code for a subscriber who consents: the same one until it is exchanged, as
        AT&T redirects twice with one code.
        """
        scopes = scopes_of(scope)
        for code, found in self._codes.items():
            if (found.client, found.scopes) == (client, scopes) and self._valid(found):
                return code
        code = secrets.token_urlsafe(16)
        ends = self._now() + timedelta(seconds=_CODE_SECONDS)
        self._codes[code] = Token(client, ends, scopes, consent=True)
        return code

    def revoke(self, form: dict[str, str], basic: tuple[str, str] | None) -> None:
        """Make a token invalid; with a refresh token those that came from it (RFC 7009, 2.1)."""
        self._authenticated(form, basic)
        value = form.get("token", "")
        self._access.pop(value, None)
        if found := self._refresh.pop(value, None):
            self._forget(lambda token: token.family == found.family)

    def forget(self, *, refresh: bool = False) -> None:
        """Make every access token invalid, and on demand every refresh token."""
        self._access.clear()
        if refresh:
            self._refresh.clear()

    def _renew(self, value: str, client: Client) -> dict[str, Any]:
        found = self._valid(self._refresh.get(value))
        if not found or found.client != client.id:
            raise TokenRefused("invalid_grant", "the refresh token is unknown, used or too old")
        answer = self.issue(client.id, found.scopes, consent=found.consent, family=found.family)
        self.refreshed += 1
        if self._scenario().gateway.rotate_refresh:
            del self._refresh[value]
        else:
            del self._refresh[answer["refresh_token"]]
            answer["refresh_token"] = value
        return answer

    def _forget(self, wanted: Callable[[Token], bool]) -> None:
        self._access = {value: each for value, each in self._access.items() if not wanted(each)}
        self._refresh = {value: each for value, each in self._refresh.items() if not wanted(each)}

    def _valid(self, token: Token | None) -> Token | None:
        if token and token.ends and token.ends <= self._now():
            return None
        return token

    def _authenticated(self, form: dict[str, str], basic: tuple[str, str] | None) -> Client:
        name, secret = basic or (form.get("client_id", ""), form.get("client_secret", ""))
        found = self.client(name, secret)
        if not found:
            raise TokenRefused("invalid_client", "no client of this id and secret")
        return found


def scopes_of(text: str) -> frozenset[str]:
    """Return the scopes of a list: AT&T's are separated by commas, others by spaces."""
    return frozenset(text.replace(",", " ").split())
