"""Consents in a real Redis, and a gateway that renews them in this process."""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from receiver.contract.redis_keys import CONSENTS
from receiver.outbound import Grant, Token, TokenRefused
from receiver.polling.mailbox.consent_record import Consent, all_of
from receiver.polling.mailbox.consent_token import ConsentToken
from receiver.polling.mailbox.consents import REFRESH_LIFE, Consents, Tokens
from receiver.runtime.redis_client import async_client
from tests.support.valkey import Valkey

OLD: Final = base64.urlsafe_b64encode(b"o" * 32).decode()
NEW: Final = base64.urlsafe_b64encode(b"n" * 32).decode()
NOW: Final = int(time.time())


class Gateway:
    """Hands out new refresh tokens, and takes each once."""

    def __init__(self) -> None:
        self.count = 0
        self.asked = 0
        self.good = "r-0"
        self.life: float = 3600
        self.error: Exception | None = None
        self.takes = 0.0

    async def refresh(self, refresh_token: str) -> Grant:
        self.asked += 1
        if self.error:
            raise self.error
        await asyncio.sleep(self.takes)
        if refresh_token != self.good:
            raise TokenRefused(400, "invalid_grant")
        self.count += 1
        self.good = f"r-{self.count}"
        return Grant(Token(f"a-{self.count}", self.life), self.good)


def run(url: str, act: Callable[[Consents], Awaitable[Any]], *keys: str) -> Any:
    async def inner() -> Any:
        client = async_client(url)
        try:
            return await act(Consents(client, keys or (OLD,)))
        finally:
            await client.aclose()

    return asyncio.run(inner())


def give(
    url: str, access: str = "", renew_in: float = 600, ends_in: float = 900, refresh: str = "r-0"
) -> None:
    async def act(consents: Consents) -> None:
        renew_at, ends_at = time.time() + renew_in, time.time() + ends_in
        tokens = Tokens(refresh=refresh, access=access, renew_at=renew_at, ends_at=ends_at)
        record = consents.sealed(tokens, NOW, NOW + REFRESH_LIFE)
        await consents.write("alice", None, record)

    run(url, act)


def headers(url: str, gateway: Gateway, *keys: str) -> dict[str, str]:
    async def act(consents: Consents) -> dict[str, str]:
        return await ConsentToken("alice", consents, gateway).headers()

    found: dict[str, str] = run(url, act, *keys)
    return found


def stored(valkey: Valkey) -> Consent:
    found: Any = valkey.client().hgetall(CONSENTS)
    return all_of(found)["alice"]
