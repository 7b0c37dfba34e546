"""The stored credentials as an operator handles them. Tokens come in and never out: only their
digests are kept.
"""

import hashlib
import time
from typing import Any, Final

import msgspec
import redis

from receiver.credentials import Credential
from receiver.notification import (
    CREDENTIALS,
    CREDENTIALS_REVISION,
    CREDENTIALS_REVOKED,
    CREDENTIALS_USED,
)

ID_LENGTH: Final = 12
"""Hex digits of a digest that name a credential."""
_REVOKED_SECONDS: Final = 30 * 24 * 3600
# Only what is still there: somebody may have revoked it since we looked.
_CHANGE: Final = """
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
"""


class Exists(Exception):
    """The token is stored already; the message is the id it has."""


class Stored(msgspec.Struct, frozen=True):
    """One record."""

    digest: str
    credential: Credential | None
    """None when it cannot be read: its token is put off with 503 until it is revoked or mended."""
    used: float | None
    """When it was last admitted, to about a second; seconds since 1970."""

    @property
    def id(self) -> str:
        """What it is called by."""
        return self.digest[:ID_LENGTH]

    def ends_within(self, seconds: float) -> bool:
        """Whether it has expired or will have by then."""
        expires = self.credential.expires if self.credential else None
        return expires is not None and expires < time.time() + seconds


def add(client: redis.Redis, token: str, credential: Credential) -> str:
    """Store it; returns its id. Raises `Exists`."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    with client.pipeline(transaction=True) as pipe:
        pipe.hsetnx(CREDENTIALS, digest, _record(credential))
        pipe.srem(CREDENTIALS_REVOKED, digest)
        pipe.incr(CREDENTIALS_REVISION)
        if not pipe.execute()[0]:
            raise Exists(digest[:ID_LENGTH])
    return digest[:ID_LENGTH]


def everything(client: redis.Redis) -> list[Stored]:
    """All of them, the oldest first."""
    records: Any = client.hgetall(CREDENTIALS)
    used: Any = client.hgetall(CREDENTIALS_USED)
    found = [
        Stored(key.decode("utf-8", "replace"), _credential(record), _seconds(used.get(key)))
        for key, record in records.items()
    ]
    return sorted(found, key=lambda one: one.credential.created if one.credential else 0.0)


def named(client: redis.Redis, name: str) -> list[Stored]:
    """Those with this id, or with this label; none without a name, as an unset variable gives."""
    stored = everything(client) if name else []
    by_id = [one for one in stored if one.id == name]
    return by_id or [one for one in stored if one.credential and one.credential.label == name]


def revoke(client: redis.Redis, stored: list[Stored]) -> None:
    """Their tokens are unknown within two seconds, everywhere."""
    with client.pipeline(transaction=True) as pipe:
        for one in stored:
            pipe.hdel(CREDENTIALS, one.digest)
            pipe.hdel(CREDENTIALS_USED, one.digest)
            pipe.sadd(CREDENTIALS_REVOKED, one.digest)
        pipe.expire(CREDENTIALS_REVOKED, _REVOKED_SECONDS)
        pipe.incr(CREDENTIALS_REVISION)
        pipe.execute()


def let_end(client: redis.Redis, stored: list[Stored], when: float) -> None:
    """Have them expire then, unless they do before; an unreadable one is revoked at once."""
    for one in stored:
        if one.credential is None:
            revoke(client, [one])
        elif one.credential.expires is None or one.credential.expires > when:
            ending = msgspec.structs.replace(one.credential, expires=when)
            client.eval(_CHANGE, 1, CREDENTIALS, one.digest, _record(ending))


def _record(credential: Credential) -> str:
    return msgspec.json.encode(credential).decode()


def _credential(record: bytes) -> Credential | None:
    try:
        return msgspec.json.decode(record, type=Credential)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _seconds(value: bytes | None) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None
