"""An access token, held in memory and nowhere else, and renewed in time."""

import asyncio
import math
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from receiver.outbound.answers import Answer, NotSent, Unanswered
from receiver.outbound.request_error import error_code

USUAL_LIFE: Final = 300.0
"""Seconds, where the answer does not say (RFC 6749, 5.1: `expires_in` is only recommended)."""
_RENEW_AT: Final = 0.8
"""Of a token's life."""
_DAY: Final = 86_400.0
"""Seconds, after which a token that never ends is renewed."""
_LONGEST_LIFE: Final = 366 * _DAY
_TRY_AGAIN: Final = 5.0
"""Seconds between two attempts to renew a token that is still good."""
_BEARER: Final = ("bearer", "bearertoken")
"""RFC 6750 has the first; Apigee, which many operators' gateways are, calls it by the second."""
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
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,16384}").fullmatch


class TokenRefused(NotSent):
    """There is no access token, so the request that needs one has not been sent."""

    def __init__(self, status: int, error: str, retry_after: float | None = None) -> None:
        """`status` 0: there was no answer. `error` is a word of RFC 6749's, or of ours."""
        self.status, self.error, self.retry_after = status, error, retry_after
        super().__init__(f"no access token: {f'{status} ' if status else ''}{error}".rstrip())


class Token(NamedTuple):
    """An access token, as an answer gave it."""

    value: str
    life: float
    """Seconds; infinite for one that never ends."""


class AccessToken:
    """Keeps one access token. Many requests at once ask for one token once."""

    def __init__(self, ask: Callable[[], Awaitable[Token]]) -> None:
        """`ask` gets a new token. Raises `TokenRefused`, `NotSent` or `Unanswered`."""
        self._ask = ask
        self._lock = asyncio.Lock()
        self._headers: dict[str, str] | None = None
        self._renew_at = 0.0
        self._ends_at = 0.0

    async def headers(self) -> dict[str, str]:
        """Return `Authorization`. Raises `TokenRefused`.

        From 80 % of its life (one that never ends: after a day) a token is renewed; as long as
        that fails, the old one serves.
        """
        async with self._lock:
            now = time.monotonic()
            if self._headers is None or now >= self._renew_at:
                try:
                    await self._renew()
                except TokenRefused as error:
                    now = time.monotonic()
                    if self._headers is None or now >= self._ends_at:
                        raise
                    wanted = max(error.retry_after or 0.0, _TRY_AGAIN)
                    self._renew_at = min(now + wanted, self._ends_at)
            assert self._headers is not None  # noqa: S101 - renewed, or raised
            return dict(self._headers)

    async def renew(self, refused: dict[str, str]) -> bool:
        """Drop the token that got a 401, unless another request has dropped it already."""
        async with self._lock:
            if self._headers == refused:
                self._headers = None
            return True

    async def _renew(self) -> None:
        began = time.monotonic()
        try:
            token, life = await self._ask()
        except TokenRefused:
            raise
        except (NotSent, Unanswered) as error:
            # To ask for a token twice does no harm: either way our request is still here.
            raise TokenRefused(0, str(error)) from None
        self._headers = {"authorization": f"Bearer {token}"}
        self._renew_at = began + (_DAY if math.isinf(life) else life * _RENEW_AT)
        self._ends_at = began + life


def read_token(answer: Answer) -> tuple[Token, dict[str, Any]]:
    """Return the token of an answer, and all that it says. Raises `TokenRefused`."""
    said, status = answer.document, answer.status
    document: dict[str, Any] = said if isinstance(said, dict) else {}
    if not 200 <= status < 300:
        error = document.get("error")
        known = error if isinstance(error, str) and error in _ERRORS else error_code(answer.body)
        raise TokenRefused(status, known or "refused", answer.retry_after)
    token, kind = document.get("access_token"), document.get("token_type", "bearer")
    if not isinstance(token, str) or not _TOKEN(token):
        raise TokenRefused(status, "the answer has no usable access_token")
    if not isinstance(kind, str) or kind.lower() not in _BEARER:
        raise TokenRefused(status, "token_type is not Bearer")
    return Token(token, _life(document.get("expires_in"))), document


def seconds(number: Any) -> float | None:
    """Return a number of seconds, or its text (Orange sends "3600"); None for anything else."""
    try:
        found = float(number) if isinstance(number, str | int | float) else math.nan
    except (ValueError, OverflowError):
        return None
    return None if math.isnan(found) else found


def _life(expires_in: Any) -> float:
    found = seconds(expires_in) or 0.0
    return min(found, _LONGEST_LIFE) if found > 0 else USUAL_LIFE
