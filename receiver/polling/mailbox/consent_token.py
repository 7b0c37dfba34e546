"""The access token of one mailbox, renewed by one process at a time."""

import asyncio
import math
import time
from typing import Final, Protocol

from msgspec.structs import replace
from redis.exceptions import ResponseError

from receiver.intake.redis_link import NotReplicated
from receiver.outbound import Action, Grant, NotSent, RequestError, TokenRefused, Unanswered
from receiver.polling.mailbox.consent_record import Consent
from receiver.polling.mailbox.consents import Consents, Tokens, ends
from receiver.runtime.redis_errors import DOWN_ON_THE_LOOP, is_of_all_keys

REFRESH_WITHIN: Final = 10.0
"""Seconds that a refresh may take: less than the lease."""
_RENEW_AT: Final = 0.8
"""Of a token's life."""
_DAY: Final = 86_400.0
"""Seconds, after which a token that never ends is renewed: the refresh token's life goes on."""
_TRY_AGAIN: Final = 30.0
"""Seconds between two attempts to renew a token that is still good."""
_PATIENCE: Final = 20.0
"""Seconds to wait for somebody else's refresh."""
_LOOK: Final = 0.1
_STORED_WITHIN: Final = 30.0
"""Seconds for which Redis may be away when there are new tokens: a failover takes less."""


class Refreshes(Protocol):
    """What asks the gateway for tokens (`receiver.outbound.OAuthV4`)."""

    async def refresh(self, refresh_token: str) -> Grant:
        """Return new tokens. Raises `TokenRefused`, `NotSent` or `Unanswered`."""


class NoConsent(TokenRefused):
    """Only the subscriber can help: there is no consent, or it has ended."""

    def __init__(self, poll: str, why: str) -> None:
        """`why` in words."""
        super().__init__(0, f"the consent {why}: run `receiver consent {poll}`")


class ConsentToken:
    """Puts the access token of one consent on requests."""

    def __init__(self, poll: str, consents: Consents, oauth: Refreshes) -> None:
        self._poll = poll
        self._consents = consents
        self._oauth = oauth
        self._lock = asyncio.Lock()
        self._tokens: Tokens | None = None

    async def headers(self) -> dict[str, str]:
        """Return `Authorization`. Raises `NoConsent`, and `TokenRefused` for what may pass."""
        async with self._lock:
            if self._tokens is None or time.time() >= self._tokens.renew_at:
                self._tokens = await self._current("")
            return {"authorization": f"Bearer {self._tokens.access}"}

    async def renew(self, refused: dict[str, str]) -> bool:
        """Get another token than the one that got a 401. Raises as `headers` does."""
        async with self._lock:
            access = refused.get("authorization", "").removeprefix("Bearer ")
            if self._tokens is None or self._tokens.access == access:
                self._tokens = await self._current(access)
            return True

    async def _current(self, refused: str) -> Tokens:
        """Return tokens that are good: those that are stored, or new ones."""
        until = time.monotonic() + _PATIENCE
        while True:
            _, _, tokens = await self._read()
            if tokens.access not in ("", refused) and time.time() < tokens.renew_at:
                return tokens
            if await self._consents.hold(self._poll):
                break
            if time.monotonic() > until:
                raise TokenRefused(0, "somebody else is renewing it, and takes too long")
            await asyncio.sleep(_LOOK)
        try:
            return await self._renewed(refused)
        finally:
            await self._consents.release(self._poll)

    async def _renewed(self, refused: str) -> Tokens:
        """Ask for new tokens, under the lease; store them before they are used."""
        raw, consent, before = await self._read()  # since somebody else may have done it by now
        if before.access not in ("", refused) and time.time() < before.renew_at:
            return before
        try:
            async with asyncio.timeout(REFRESH_WITHIN):
                grant = await self._oauth.refresh(before.refresh)
        except TokenRefused as error:
            if not _is_of_the_consent(error):
                return self._still(before, refused, error)
            await self._note(raw, consent, before, error.error)
            raise NoConsent(self._poll, f"was refused by the gateway ({error.error})") from None
        except (NotSent, Unanswered, TimeoutError) as error:
            return self._still(before, refused, TokenRefused(0, str(error) or "no answer"))
        refresh, ends_at = ends((consent, before), grant.refresh_token)
        made = tokens_of(grant, refresh)
        record = self._consents.sealed(made, consent.given, ends_at)
        if not await self._stored(raw, record):
            return (await self._read())[2]  # the subscriber has consented anew meanwhile
        return made

    async def _stored(self, raw: bytes, record: Consent) -> bool:
        """Store new tokens; return whether the record was still the one before. While Redis does
        not answer, or takes no writes at all, it is tried again: the gateway may take the refresh
        token before it no more, and this one stands nowhere else.
        """
        until = time.monotonic() + _STORED_WITHIN
        while True:
            try:
                return await self._consents.write(self._poll, raw, record)
            except NotReplicated:
                raise
            except DOWN_ON_THE_LOOP as error:
                passes = not isinstance(error, ResponseError) or is_of_all_keys(error)
                if not passes or time.monotonic() > until:
                    raise
            await asyncio.sleep(_LOOK)

    def _still(self, before: Tokens, refused: str, error: TokenRefused) -> Tokens:
        """Return the token before, as long as it lives, where there is no new one just now."""
        now, ends_at = time.time(), math.inf if before.ends_at is None else before.ends_at
        if before.access in ("", refused) or now >= ends_at:
            raise error
        again = now + max(error.retry_after or 0.0, _TRY_AGAIN)
        return replace(before, renew_at=min(again, ends_at))

    async def _note(self, raw: bytes, consent: Consent, tokens: Tokens, why: str) -> None:
        """Write down that the consent has ended, unless there is another by now."""
        sealed = self._consents.sealed(tokens, consent.given, consent.ends)
        ended = Consent(secret=sealed.secret, given=sealed.given, ends=sealed.ends, refused=why)
        await self._consents.write(self._poll, raw, ended)

    async def _read(self) -> tuple[bytes, Consent, Tokens]:
        found = await self._consents.read(self._poll)
        if found is None:
            raise NoConsent(self._poll, "was never given")
        if found[1].refused:
            raise NoConsent(self._poll, found[1].trouble())
        return found


def _is_of_the_consent(error: TokenRefused) -> bool:
    """Return whether the refresh token is refused. Other answers say nothing of it, such as one to
    a client whose secret has been replaced: nobody need consent anew for them.
    """
    gone = RequestError(error.status, error.error).action is Action.GONE
    return gone or error.error == "invalid_grant"


def tokens_of(grant: Grant, refresh: str, now: float | None = None) -> Tokens:
    """Return what is to be kept of a grant, with the refresh token that counts."""
    began = time.time() if now is None else now
    endless = math.isinf(grant.token.life)
    return Tokens(
        refresh=refresh,
        access=grant.token.value,
        renew_at=began + (_DAY if endless else grant.token.life * _RENEW_AT),
        ends_at=None if endless else began + grant.token.life,
    )
