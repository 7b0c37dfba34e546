"""OAuth 2.0 client credentials (RFC 6749, 4.4); the token is kept in memory and nowhere else."""

import asyncio
import base64
import re
import time
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import quote_plus

from authlib.common.urls import add_params_to_qs
from authlib.oauth2.client import OAuth2Client

from receiver.outbound import assertion
from receiver.outbound.answers import Answer, NotSent, Unanswered
from receiver.outbound.http_client import HttpClient, check_url

Method = Literal["client_secret_basic", "client_secret_post", "private_key_jwt"]

_RENEW_AT: Final = 0.8
"""Of a token's life."""
_USUAL_LIFE: Final = 300.0
"""Seconds, where the answer does not say (RFC 6749, 5.1: `expires_in` is only recommended)."""
_LONGEST_LIFE: Final = 366 * 86_400.0
_TRY_AGAIN: Final = 5.0
"""Seconds between two attempts to renew a token that is still good."""
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,16384}").fullmatch
_ERRORS: Final = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    }
)
"""What a token endpoint may say (RFC 6749, 5.2); another word is not repeated."""


class TokenRefused(NotSent):
    """There is no access token, so the request that needs one has not been sent."""

    def __init__(self, status: int, error: str, retry_after: float | None = None) -> None:
        """`status` 0: there was no answer. `error` is a word of RFC 6749's, or of ours."""
        self.status, self.error, self.retry_after = status, error, retry_after
        super().__init__(f"no access token: {f'{status} ' if status else ''}{error}".rstrip())


@dataclass(frozen=True, kw_only=True)
class ClientCredentials:
    """One client at one token endpoint. Raises `ValueError` where its parts do not fit."""

    token_url: str
    client_id: str
    method: Method = "client_secret_basic"
    secret: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    """A private key, PEM or JWK, for `private_key_jwt`."""
    key_id: str = ""
    audience: str = ""
    """Of the assertion; empty for the token URL."""
    scope: str = ""
    """As it is to be sent: CAMARA's profile wants one `dpv:` purpose for personal data."""

    def __post_init__(self) -> None:
        """Check that a token can be requested with these parts. Raises `ValueError`."""
        check_url(self.token_url)
        if self.method == "private_key_jwt":
            assertion.read(self.key, self.key_id)
        elif not self.secret:
            raise ValueError(f"{self.method}: a secret is wanted")


class OAuth:
    """Access tokens for one operator. Many requests at once ask for one token once."""

    def __init__(self, client: ClientCredentials, http: HttpClient) -> None:
        self._authlib = _client(client, http)
        self._url = client.token_url
        self._lock = asyncio.Lock()
        self._headers: dict[str, str] | None = None
        self._renew_at = 0.0
        self._ends_at = 0.0

    async def headers(self) -> dict[str, str]:
        """Return `Authorization`. Raises `TokenRefused`.

        From 80 % of its life a token is renewed; as long as that fails, the old one serves.
        """
        async with self._lock:
            now = time.monotonic()
            if self._headers is None or now >= self._renew_at:
                try:
                    await self._fetch()
                except TokenRefused:
                    if self._headers is None or time.monotonic() >= self._ends_at:
                        raise
                    self._renew_at = time.monotonic() + _TRY_AGAIN
            assert self._headers is not None  # noqa: S101 - fetched, or raised
            return dict(self._headers)

    async def renew(self, refused: dict[str, str]) -> bool:
        """Drop the token that got a 401, unless another request has dropped it already."""
        async with self._lock:
            if self._headers == refused:
                self._headers = None
            return True

    async def _fetch(self) -> None:
        began = time.monotonic()
        try:
            answer: Answer = await self._authlib.fetch_token(
                self._url, grant_type="client_credentials"
            )
        except (NotSent, Unanswered) as error:
            # To ask for a token twice does no harm: either way our request is still here.
            raise TokenRefused(0, str(error)) from None
        token, life = _read(answer)
        self._headers = {"authorization": f"Bearer {token}"}
        self._renew_at, self._ends_at = began + life * _RENEW_AT, began + life


def _client(client: ClientCredentials, http: HttpClient) -> Any:
    """Return Authlib's client: it writes token requests, and we send them."""
    found = _Authlib(
        session=None,
        client_id=client.client_id,
        client_secret=client.secret,
        token_endpoint_auth_method=client.method,
        scope=client.scope or None,
    )
    found.http = http
    found.register_client_auth_method(("client_secret_basic", _basic))
    if client.method == "private_key_jwt":
        key = assertion.read(client.key, client.key_id)
        audience = client.audience or client.token_url

        def signed(auth: Any, _method: str, uri: str, headers: Any, body: str) -> Any:
            said = key.sign(auth.client_id, audience)
            more = [("client_assertion_type", assertion.TYPE), ("client_assertion", said)]
            return uri, headers, add_params_to_qs(body, more)

        found.register_client_auth_method(("private_key_jwt", signed))
    return found


class _Authlib(OAuth2Client):  # type: ignore[misc]
    """The protocol half of Authlib's client, over our HTTP."""

    http: HttpClient

    async def _fetch_token(
        self, url: str, body: str, auth: Any, method: str, headers: dict[str, str]
    ) -> Answer:
        url, headers, body = auth.prepare(method, url, dict(headers), body)
        return await self.http.send(method, url, headers=headers, content=body.encode())


def _basic(auth: Any, _method: str, uri: str, headers: dict[str, str], body: str) -> Any:
    """Authenticate by Basic. RFC 6749, 2.3.1 has both parts form-encoded; Authlib has them not."""
    joined = f"{quote_plus(auth.client_id)}:{quote_plus(auth.client_secret)}"
    encoded = base64.b64encode(joined.encode()).decode()
    return uri, headers | {"Authorization": f"Basic {encoded}"}, body


def _read(answer: Answer) -> tuple[str, float]:
    """Return a token and the seconds it lives. Raises `TokenRefused`."""
    said = answer.document
    document: dict[str, Any] = said if isinstance(said, dict) else {}
    if answer.status != 200:
        error = document.get("error")
        word = error if isinstance(error, str) and error in _ERRORS else "refused"
        raise TokenRefused(answer.status, word, answer.retry_after)
    token, kind = document.get("access_token"), document.get("token_type", "bearer")
    if not isinstance(token, str) or not _TOKEN(token):
        raise TokenRefused(answer.status, "the answer has no usable access_token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise TokenRefused(answer.status, "token_type is not Bearer")
    return token, _life(document.get("expires_in"))


def _life(expires_in: Any) -> float:
    """Return seconds from a number or its text: Orange sends "3600"."""
    try:
        seconds = float(expires_in) if isinstance(expires_in, str | int | float) else 0.0
    except (ValueError, OverflowError):
        seconds = 0.0
    return min(seconds, _LONGEST_LIFE) if seconds > 0 else _USUAL_LIFE
