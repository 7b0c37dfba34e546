"""OAuth 2.0 client credentials (RFC 6749, 4.4); the token is kept in memory and nowhere else."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import quote_plus, urlencode

from receiver.outbound.access_token import AccessToken, Token, read_token
from receiver.outbound.http_client import HttpClient, check_url

Method = Literal["client_secret_basic", "client_secret_post", "private_key_jwt"]

_FORM: Final = {"content-type": "application/x-www-form-urlencoded;charset=UTF-8"}


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
        token, _ = await request_token(self._http, self._client.token_url, form, headers)
        return token


async def request_token(
    http: HttpClient, url: str, form: dict[str, str], headers: dict[str, str] | None = None
) -> tuple[Token, dict[str, Any]]:
    """Send a token request, without the fields that are empty; return the token, and all that the
    answer says. Raises `TokenRefused`, and as `HttpClient.send`.
    """
    content = urlencode({name: value for name, value in form.items() if value}).encode()
    answer = await http.send("POST", url, headers=_FORM | (headers or {}), content=content)
    return read_token(answer)


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
