"""The credential store for operators' commands. Tokens come in and never out: only digests are
kept.
"""

import hashlib
import time
from math import inf
from typing import Any, Final

import msgspec
import redis

from receiver.auth.bearer import Credential, read
from receiver.contract.redis_keys import (
    CREDENTIALS,
    CREDENTIALS_REVISION,
    CREDENTIALS_REVOKED,
    CREDENTIALS_USED,
    SUBSCRIPTION_CREDENTIALS,
)
from receiver.contract.stored_values import text
from receiver.runtime import scripts

ID_LENGTH: Final = 12
"""Hex digits of a digest that name a credential."""
_REVOKED_SECONDS: Final = 30 * 24 * 3600
_REVOKED_KEYS: Final = (
    CREDENTIALS,
    CREDENTIALS_USED,
    CREDENTIALS_REVOKED,
    CREDENTIALS_REVISION,
)
_REPLICATED_WITHIN: Final = 3000
"""Milliseconds the replicas get."""


class NotReplicated(Exception):
    """The change is written, but on fewer replicas than required; the message is how many of how
    many.
    """


class Exists(Exception):
    """The token is stored already; the message is the id of its record."""


class Stored(msgspec.Struct, frozen=True):
    """One record of the credential store."""

    digest: str
    credential: Credential | None
    """None when it cannot be read: its token is put off with 503 until it is revoked or mended."""
    used: float | None
    """When it was last admitted, to about a second; seconds since 1970."""

    @property
    def id(self) -> str:
        """Return the id by which commands name the record."""
        return self.digest[:ID_LENGTH]

    def ends_within(self, seconds: float) -> bool:
        """Return whether the credential has expired or will have within so many seconds."""
        expires = self.credential.expires if self.credential else None
        return expires is not None and expires < time.time() + seconds

    def outlives(self, other: "Stored") -> bool:
        """Return whether it has the label and the listener of another credential and ends after it.
        Without a label nothing says that two belong together.
        """
        mine, theirs = self.credential, other.credential
        if not (mine and theirs and mine.label and theirs.expires is not None):
            return False
        alike = (mine.label, mine.listener) == (theirs.label, theirs.listener)
        return alike and (mine.expires is None or mine.expires > theirs.expires)


def id_of(token: str) -> str:
    """Return the id that the record of a token has."""
    return hashlib.sha256(token.encode()).hexdigest()[:ID_LENGTH]


def add(client: redis.Redis, token: str, credential: Credential) -> str:
    """Store a credential under its token's digest and return its id. Raises `Exists`."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    pipe: Any
    with client.pipeline(transaction=True) as pipe:
        pipe.hsetnx(CREDENTIALS, digest, _record(credential))
        pipe.srem(CREDENTIALS_REVOKED, digest)
        # redis-py's `incr` is INCRBY, which the documented user may not.
        pipe.execute_command("INCR", CREDENTIALS_REVISION)
        if not pipe.execute()[0]:
            raise Exists(digest[:ID_LENGTH])
    return digest[:ID_LENGTH]


def all_stored(client: redis.Redis) -> list[Stored]:
    """Return all records, the oldest first."""
    records: Any = client.hgetall(CREDENTIALS)
    used: Any = client.hgetall(CREDENTIALS_USED)
    found = [
        Stored(text(key), read(record), _seconds(used.get(key))) for key, record in records.items()
    ]
    return sorted(found, key=lambda one: one.credential.created if one.credential else 0.0)


def subscriptions(client: redis.Redis) -> int:
    """Return how many credentials the controllers have stored for subscriptions."""
    found: Any = client.hlen(SUBSCRIPTION_CREDENTIALS)
    return int(found)


def find(client: redis.Redis, name: str) -> list[Stored]:
    """Return the records with this id or label; none for an empty name, as an unset variable
    gives.
    """
    stored = all_stored(client) if name else []
    by_id = [one for one in stored if one.id == name]
    return by_id or [one for one in stored if one.credential and one.credential.label == name]


def successor(old: Stored, stored: list[Stored]) -> Stored | None:
    """Return the valid credential that takes the place of one that ends: of several one that has
    been used, and of those the newest.
    """
    after = [one for one in stored if one.outlives(old) and not one.ends_within(0)]
    used = [one for one in after if one.used is not None]
    newest = sorted(used or after, key=lambda one: one.credential.created if one.credential else 0)
    return newest[-1] if newest else None


def not_replaced(stored: list[Stored]) -> list[Stored]:
    """Return the records whose place no used `successor` takes: it is their ends that matter."""
    last: dict[tuple[str, str | None], float] = {}
    for one in stored:
        if (new := one.credential) and one.used is not None and not one.ends_within(0):
            ends = inf if new.expires is None else new.expires
            last[new.label, new.listener] = max(ends, last.get((new.label, new.listener), -inf))

    def replaced(old: Credential | None) -> bool:
        if old is None or not old.label or old.expires is None:
            return False
        return last.get((old.label, old.listener), -inf) > old.expires

    return [one for one in stored if not replaced(one.credential)]


def revoke(client: redis.Redis, stored: list[Stored], replicas: int = 0) -> None:
    """Delete records, whose tokens are then unknown in every process within two seconds. Raises
    `NotReplicated`.
    """
    digests = [one.digest for one in stored]
    script = scripts.load(__package__, "revoke")
    with client.client() as line:  # type: ignore[no-untyped-call]
        line.eval(script, len(_REVOKED_KEYS), *_REVOKED_KEYS, _REVOKED_SECONDS, *digests)
        _wait(line, replicas)


def revoke_again(digest: bytes, record: bytes) -> tuple[Any, ...]:
    """Return the arguments of the `EVAL` that deletes a revoked record which has come back
    unchanged.
    """
    script = scripts.load(__package__, "revoke_again")
    return (script, len(_REVOKED_KEYS), *_REVOKED_KEYS, _REVOKED_SECONDS, digest, record)


def set_expiry(client: redis.Redis, stored: list[Stored], when: float, replicas: int = 0) -> None:
    """Have credentials expire at `when`, unless they do before; an unreadable record is revoked at
    once. Raises `NotReplicated`.
    """
    if unreadable := [one for one in stored if one.credential is None]:
        revoke(client, unreadable, replicas)
    script = scripts.load(__package__, "change_credential")
    with client.client() as line:  # type: ignore[no-untyped-call]
        for one in stored:
            credential = one.credential
            if credential and (credential.expires is None or credential.expires > when):
                ending = msgspec.structs.replace(credential, expires=when)
                line.eval(script, 1, CREDENTIALS, one.digest, _record(ending))
        _wait(line, replicas)


def _wait(line: redis.Redis, replicas: int) -> None:
    """Wait until so many replicas have what this connection wrote: one of them may be promoted."""
    if replicas and (reached := int(line.wait(replicas, _REPLICATED_WITHIN))) < replicas:
        raise NotReplicated(f"{reached} of {replicas}")


def _record(credential: Credential) -> str:
    return msgspec.json.encode(credential).decode()


def _seconds(value: bytes | None) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None
