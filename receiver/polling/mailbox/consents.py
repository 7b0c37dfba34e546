"""Subscribers' consents at rest: a record for each mailbox, its tokens encrypted.

The refresh token is all that a consent leaves us: whoever has it reads the mailbox for three
months, and without it the subscriber has to consent again. So it is never stored in plain text, and
a new one is stored before anything is done with what came along with it.
"""

import secrets
import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import redis.asyncio
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from msgspec import Struct
from redis.exceptions import ReadOnlyError

from receiver.contract.redis_keys import (
    CONSENTS,
    consent_code,
    consent_lease,
    mailbox_known,
    mailbox_state,
)
from receiver.intake.redis_link import REPLICATE_WITHIN, NotReplicated
from receiver.polling.mailbox import consent_record
from receiver.polling.mailbox.consent_record import Consent
from receiver.runtime import scripts

LEASE_SECONDS: Final = 15.0
"""A refresh has a deadline below it (`consent_token`)."""
REFRESH_LIFE: Final = 7_776_000
"""Seconds that a refresh token lives at AT&T; no answer says it."""
_CODE_SECONDS: Final = 3600
_WRITE: Final = scripts.load(__package__, "write_consent")
_RELEASE: Final = scripts.load("receiver.runtime", "release_lease")


class KeyMissing(Exception):
    """Secrets cannot be written or read with the keys there are; the message says what to do."""


class Tokens(Struct, frozen=True, kw_only=True):
    """What is encrypted. Times are seconds since 1970."""

    refresh: str
    access: str
    renew_at: float
    ends_at: float | None
    """None: never."""

    def __repr__(self) -> str:
        return "Tokens(…)"


class Consents:
    """The consents in one Redis."""

    def __init__(
        self, client: "redis.asyncio.Redis", keys: Sequence[str], replicas: int = 0
    ) -> None:
        """`keys` as `receiver.config.secret_keys` returns them; so many `replicas` must have what
        is written. Raises `KeyMissing` without any key.
        """
        if not keys:
            raise KeyMissing(
                "RECEIVER_SECRET_KEYS is not set, and a consent is not stored unencrypted: "
                "set it, to the output of `openssl rand -base64 32` for example"
            )
        self._client: Any = client
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._replicas = replicas
        self._owner = secrets.token_hex(8)

    async def read(self, mailbox: str) -> tuple[bytes, Consent, Tokens] | None:
        """Return a record, as it is stored and as it is read; None where there is none, or somebody
        else wrote it. Raises `KeyMissing`.
        """
        raw = await self._client.hget(CONSENTS, mailbox)
        if (consent := consent_record.read(raw)) is None:
            return None
        try:
            plain = self._fernet.decrypt(consent.secret)
        except InvalidToken:
            raise KeyMissing(
                "none of RECEIVER_SECRET_KEYS decrypts what is stored of this consent: "
                "add the key that it was written with, behind the others"
            ) from None
        return raw, consent, msgspec.json.decode(plain, type=Tokens)

    async def write(self, mailbox: str, before: bytes | None, consent: Consent) -> bool:
        """Store a record; return whether it was still `before` (None: whatever it was). Raises
        `NotReplicated`.
        """
        words = (mailbox, msgspec.json.encode(consent), *(() if before is None else (before,)))
        async with self._client.client() as line:
            try:
                done = await line.eval(_WRITE, 1, CONSENTS, *words)
            except ReadOnlyError:
                await line.connection.disconnect()  # another server is the master now
                raise
            if (
                self._replicas
                and await line.wait(self._replicas, REPLICATE_WITHIN) < self._replicas
            ):
                raise NotReplicated
        return bool(done)

    def sealed(self, tokens: Tokens, given: int, ends: int) -> Consent:
        """Return the record of these tokens, encrypted with the first key."""
        secret = self._fernet.encrypt(msgspec.json.encode(tokens)).decode()
        return Consent(secret=secret, given=given, ends=ends)

    async def hold(self, mailbox: str) -> bool:
        """Take the lease of a mailbox' refresh; return whether it is ours now."""
        milliseconds = int(LEASE_SECONDS * 1000)
        lease = consent_lease(mailbox)
        return bool(await self._client.set(lease, self._owner, nx=True, px=milliseconds))

    async def release(self, mailbox: str) -> None:
        """Let somebody else have it at once."""
        lease = consent_lease(mailbox)
        await self._client.eval(_RELEASE, 1, lease, self._owner)

    async def claim_code(self, digest: str) -> bool:
        """Return whether nobody has taken this code before: it is good once, and AT&T redirects
        twice with the same.
        """
        return bool(await self._client.set(consent_code(digest), "1", nx=True, ex=_CODE_SECONDS))

    async def release_code(self, digest: str) -> None:
        """Let a code be taken again: nothing came of it."""
        await self._client.delete(consent_code(digest))


def ends(
    before: tuple[Consent, Tokens] | None, refresh: str, now: float | None = None
) -> tuple[str, int]:
    """Return the refresh token that counts after an answer, and when it ends. An answer without
    one, or with the same, prolongs nothing.
    """
    if before and refresh in ("", before[1].refresh):
        return before[1].refresh, before[0].ends
    return refresh, int((time.time() if now is None else now) + REFRESH_LIFE)


async def forget(client: "redis.asyncio.Redis", poll: str) -> bool:
    """Delete a record, and what is known of the mailbox; return whether there was one. No key is
    needed, so that what nobody can read any more can be deleted.
    """
    async with client.pipeline(transaction=True) as together:
        together.hdel(CONSENTS, poll)
        together.delete(mailbox_state(poll), mailbox_known(poll))
        deleted, _ = await together.execute()
    return bool(deleted)
