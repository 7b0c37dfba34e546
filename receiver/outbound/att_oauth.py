"""AT&T's OAuth v4: `POST /oauth/v4/token` by client credentials, consent code or refresh token.

The form has the client's id and secret in it; scopes are parted by commas. The answer's
`expires_in` is a number or its text, and `0` says that the token never ends (AT&T's Java and PHP
SDKs read it so). Tokens are kept in memory only; a refresh token is the caller's to keep.
"""

import math
from functools import partial
from typing import Literal

from msgspec import Struct

from receiver.outbound.access_token import AccessToken, Token, seconds
from receiver.outbound.http_client import HttpClient, check_url
from receiver.outbound.oauth import request_token

GrantType = Literal["client_credentials", "authorization_code", "refresh_token"]


class Grant(Struct, frozen=True):
    """What the token endpoint has granted. Its texts are secrets."""

    token: Token
    refresh_token: str
    """Empty where the answer has none: then the one before stays good."""

    def __repr__(self) -> str:
        return "Grant(…)"


class OAuthV4:
    """One client at AT&T's token endpoint, or at one that speaks the same."""

    def __init__(self, token_url: str, client_id: str, secret: str, http: HttpClient) -> None:
        """`token_url` such as `https://api.att.com/oauth/v4/token`. Raises `BadUrl`, a ValueError,
        for one that no secret may be sent to.
        """
        check_url(token_url)
        self._url = token_url
        self._proof = {"client_id": client_id, "client_secret": secret}
        self._http = http

    def access_token(self, scope: str) -> AccessToken:
        """Return the keeper of an access token by client credentials, for scopes such as `SMS`."""
        return AccessToken(partial(self._client_credentials, scope))

    async def code(self, code: str) -> Grant:
        """Get a grant for the code of a consent, which is good once. Raises as `refresh` does."""
        return await self._ask("authorization_code", code=code)

    async def refresh(self, refresh_token: str) -> Grant:
        """Get an access token for a refresh token.

        The answer's own refresh token replaces it: store that before the access token is used.
        Raises `TokenRefused` (its `error` is `invalid_grant` once the consent has ended), and
        `NotSent` or `Unanswered` where there was no answer.
        """
        return await self._ask("refresh_token", refresh_token=refresh_token)

    async def _client_credentials(self, scope: str) -> Token:
        return (await self._ask("client_credentials", scope=scope)).token

    async def _ask(self, grant_type: GrantType, **more: str) -> Grant:
        form = {"grant_type": grant_type, **more, **self._proof}
        token, document = await request_token(self._http, self._url, form)
        if seconds(document.get("expires_in")) == 0:
            token = Token(token.value, math.inf)
        refresh = document.get("refresh_token")
        return Grant(token, refresh if isinstance(refresh, str) else "")
