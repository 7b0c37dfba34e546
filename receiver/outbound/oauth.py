"""OAuth 2.0 client credentials (RFC 6749, 4.4); the token is kept in memory and nowhere else."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import quote_plus, urlencode

from receiver.outbound.access_token import AccessToken, Token, TokenRefused, read_token
from receiver.outbound.answers import Answer
from receiver.outbound.http_client import HttpClient, check_url

Method = Literal["client_secret_basic", "client_secret_post", "private_key_jwt"]

_FORM: Final = {"content-type": "application/x-www-form-urlencoded;charset=UTF-8"}
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
        self._client = client
        self._http = http
        self._authenticate = _authentication(client)
        super().__init__(self._fetch)

    async def _fetch(self) -> Token:
        headers, proof = self._authenticate()
        form = {"grant_type": "client_credentials", "scope": self._client.scope} | proof
        return _read(await send_form(self._http, self._client.token_url, form, headers))


async def send_form(
    http: HttpClient, url: str, form: dict[str, str], headers: dict[str, str]
) -> Answer:
    """Send a token request, without the fields that are empty. Raises as `HttpClient.send`."""
    content = urlencode({name: value for name, value in form.items() if value}).encode()
    return await http.send("POST", url, headers=_FORM | headers, content=content)


def _authentication(
    client: ClientCredentials,
) -> Callable[[], tuple[dict[str, str], dict[str, str]]]:
    """Return what makes the headers, and the fields of the form, that say who asks."""
    match client.method:
        case "client_secret_basic":
            # RFC 6749, 2.3.1 has both parts form-encoded.
            joined = f"{quote_plus(client.client_id)}:{quote_plus(client.secret)}"
            encoded = base64.b64encode(joined.encode()).decode()
            return lambda: ({"authorization": f"Basic {encoded}"}, {})
        case "client_secret_post":
            return lambda: ({}, {"client_id": client.client_id, "client_secret": client.secret})
        case "private_key_jwt":
            from receiver.outbound import assertion

            key = assertion.read(client.key, client.key_id)
            audience = client.audience or client.token_url
            return lambda: ({}, key.proof(client.client_id, audience))


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
