"""OAuth 2.0 client credentials (RFC 6749, 4.4); the token is kept in memory and nowhere else."""

import base64
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import quote_plus

from authlib.common.urls import add_params_to_qs
from authlib.oauth2.client import OAuth2Client

from receiver.outbound.access_token import AccessToken, Token, TokenRefused, read_token
from receiver.outbound.answers import Answer
from receiver.outbound.http_client import HttpClient, check_url

Method = Literal["client_secret_basic", "client_secret_post", "private_key_jwt"]

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
            from receiver.outbound import assertion  # late: what signs is ten megabytes

            assertion.read(self.key, self.key_id)
        elif not self.secret:
            raise ValueError(f"{self.method}: a secret is wanted")


class OAuth(AccessToken):
    """Access tokens of one operator, by client credentials."""

    def __init__(self, client: ClientCredentials, http: HttpClient) -> None:
        """Ask for the tokens of `client` over `http`."""
        self._authlib = _client(client, http)
        self._url = client.token_url
        super().__init__(self._fetch)

    async def _fetch(self) -> Token:
        return _read(await self._authlib.fetch_token(self._url, grant_type="client_credentials"))


def _client(client: ClientCredentials, http: HttpClient) -> Any:
    """Return Authlib's client: it writes token requests, and we send them."""
    found = Authlib(
        session=None,
        client_id=client.client_id,
        client_secret=client.secret,
        token_endpoint_auth_method=client.method,
        scope=client.scope or None,
    )
    found.http = http
    found.register_client_auth_method(("client_secret_basic", _basic))
    if client.method == "private_key_jwt":
        from receiver.outbound import assertion

        key = assertion.read(client.key, client.key_id)
        audience = client.audience or client.token_url

        def signed(auth: Any, _method: str, uri: str, headers: Any, body: str) -> Any:
            said = key.sign(auth.client_id, audience)
            more = [("client_assertion_type", assertion.TYPE), ("client_assertion", said)]
            return uri, headers, add_params_to_qs(body, more)

        found.register_client_auth_method(("private_key_jwt", signed))
    return found


class Authlib(OAuth2Client):  # type: ignore[misc]
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


def _read(answer: Answer) -> Token:
    """Return the token of an answer. Raises `TokenRefused`."""
    said = answer.document
    document: dict[str, Any] = said if isinstance(said, dict) else {}
    if answer.status != 200:
        raise TokenRefused(answer.status, error_word(document) or "refused", answer.retry_after)
    return read_token(document, answer.status)


def error_word(document: dict[str, Any]) -> str:
    """Return what a token endpoint says is wrong; empty for what RFC 6749 does not know."""
    error = document.get("error")
    return error if isinstance(error, str) and error in _ERRORS else ""
