"""Bearer credentials: found in a request, checked against the last snapshot of the store.

Only digests are kept. A snapshot decides alone for 60 s after it was read; an older one, or none,
still admits whom it knows but no longer says that somebody is unknown: a wrong 401 would end a
CAMARA subscription (Commonalities, Event Subscription and Notification Guide).
"""

import hashlib
import hmac
import time
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

from receiver.auth.revocations import Revocations
from receiver.auth.subscription_credentials import SubscriptionCredentials
from receiver.config.bootstrap_tokens import LONGEST_TOKEN
from receiver.contract.redis_keys import SUBSCRIPTION_PREFIX
from receiver.contract.stored_values import decoded, digest_of

SNAPSHOT_SECONDS: Final = 60.0

_SUBSCRIPTION: Final = SUBSCRIPTION_PREFIX.encode()
_PREFIX: Final = 8
"""Bytes of a digest that find its credential; the comparison of the whole decides."""

Table = dict[bytes, tuple[bytes, "Credential"]]


class Unauthenticated(Exception):
    """The request has no credential, several different ones, or an invalid one.

    `reason` is for counting; the sender is told nothing of it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Undecided(Exception):
    """The snapshot is too old, or not readable enough, to call a credential unknown; or the clocks
    of Redis and this machine disagree on whether it has expired.
    """


class NotHeardOf(Exception):
    """The token is a subscription's, and may have been made a moment ago: look it up first."""

    def __init__(self, digest: bytes) -> None:
        super().__init__()
        self.digest = digest


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """The sender that a token stands for, as stored under the token's digest."""

    label: str = ""
    listener: str | None = None
    """The one listener it is good for; None: all."""
    expires: float | None = None
    """Seconds since 1970; None: never."""
    created: float = 0.0
    attempt: str = ""
    """As `Notification.attempt` has it; empty for all that are no subscription's."""


_decode = msgspec.json.Decoder(Credential).decode


def tokens(headers: Iterable[tuple[bytes, bytes]], query: bytes) -> set[bytes]:
    """Return every bearer token of a request: RFC 6750 header (scheme in any case) and query
    form.
    """
    found = set()
    for name, value in headers:
        if name == b"authorization":
            scheme, _, token = value.partition(b" ")
            if scheme.lower() == b"bearer":
                found.add(token.strip())
    if query and b"access_token=" in query:
        for pair in query.split(b"&"):
            key, _, token = pair.partition(b"=")
            if key == b"access_token":
                found.add(unquote_to_bytes(token))
    found.discard(b"")  # an empty one is none, and contradicts nobody
    return found


def read(record: bytes) -> Credential | None:
    """Return what a stored record says; None where it cannot be read."""
    return decoded(_decode, record)


def _table(pairs: Iterable[tuple[bytes, Credential]]) -> Table:
    return {digest[:_PREFIX]: (digest, credential) for digest, credential in pairs}


class Credentials:
    """The credentials that are accepted: those of the environment and the last snapshot of the
    store.
    """

    def __init__(self, bootstrap: Iterable[bytes], operators: Iterable[str] = ()) -> None:
        """`bootstrap`: digests; `operators`: names of those whose subscriptions send to us."""
        self._bootstrap = _table((digest, Credential(label="environment")) for digest in bootstrap)
        self._known = dict(self._bootstrap)
        self._unreadable: frozenset[bytes] = frozenset()
        self._withdrawn = Revocations()
        self._settled: object = None
        """What was read last, where reading the same again would change nothing."""
        self.returned: dict[bytes, bytes] = {}
        """Hex digest -> record of those that were revoked and stand in the store again."""
        self._read_at: float | None = None
        self._clock: float | None = None
        self._revision = 0
        self.lost = False
        """Whether the store came back with less than it had: from then on, until this process is
        started anew, whoever was known here stays known until he is revoked by name, and nobody
        else is called unknown."""
        self.subscriptions = SubscriptionCredentials(operators)
        self.used: dict[bytes, float] = {}
        """Digest -> when it was last admitted; whoever writes it down empties it."""

    def replace(
        self,
        stored: Mapping[bytes, bytes],
        revision: int = 0,
        revoked: Iterable[bytes] = (),
        clock: float | None = None,
    ) -> int:
        """Replace the snapshot: hex digest -> JSON; `clock` is Redis' time of the reading, in
        seconds since 1970. Returns how many records could not be read.

        Whom such a record names is admitted as before, or put off, but never called unknown.
        """
        self._read_at, self._clock = time.monotonic(), clock
        found = (stored, revision, set(revoked))
        if found != self._settled:
            self._settled = None if found[2] & stored.keys() else found
            self._take(*found)
        return len(self._unreadable)

    def _take(self, stored: Mapping[bytes, bytes], revision: int, revoked: set[bytes]) -> None:
        records = {digest_of(key): (record, read(record)) for key, record in stored.items()}
        behind, self._revision = revision < self._revision, revision
        self.lost = self.lost or behind
        named = {digest_of(key) for key in revoked} - {b""}
        instead = self._withdrawn.look(records, named, behind=behind)
        self.returned = {
            digest.hex().encode(): records[digest][0] for digest in instead if not instead[digest]
        }
        fresh: dict[bytes, Credential] = {}
        for digest, (_, said) in records.items():
            was = self._known.get(digest[:_PREFIX])
            counts = instead[digest] if digest in instead else said or (was and was[1])
            if digest and counts:
                fresh[digest] = counts
        before = dict(self._known) if self.lost else {}
        for digest in self._withdrawn.revoked:
            before.pop(digest[:_PREFIX], None)
        self._known = before | self._bootstrap | _table(fresh.items())
        unreadable = {digest for digest, (_, said) in records.items() if not (said and digest)}
        self._unreadable = frozenset(unreadable)

    def admit(self, given: set[bytes], known: bool | None = None) -> Credential:
        """Return the credential of one request's tokens. Raises `Unauthenticated` or `Undecided`,
        and `NotHeardOf` where a subscription's token is to be looked up first.

        `known` says what came of that: True where the store has answered, False where it has not.
        """
        if len(given) != 1:
            raise Unauthenticated("several credentials" if given else "no credential")
        (token,) = given
        if len(token) > LONGEST_TOKEN:
            raise Unauthenticated("unknown credential")
        digest = hashlib.sha256(token).digest()
        found = self._known.get(digest[:_PREFIX])
        if found is None or not hmac.compare_digest(found[0], digest):
            if token.startswith(_SUBSCRIPTION) and digest not in self._unreadable:
                return self._admit_subscription(digest, known)
            raise self._unknown(digest)
        credential = found[1]
        now = time.time()
        if credential.expires is not None:
            self._check(credential.expires, now)
        # A clock days behind would have a token in use called safe to revoke.
        self.used[digest] = max(now, self._clock or now)
        return credential

    def _admit_subscription(self, digest: bytes, known: bool | None) -> Credential:
        """Return the credential of a subscription's token. Such tokens are 256 random bits of ours:
        finding the whole digest is the comparison.
        """
        found = self.subscriptions.get(digest)
        if found is None:
            if known is None:
                raise NotHeardOf(digest)
            raise Unauthenticated("unknown credential") if known else Undecided
        self._check(found.expires, time.time())
        return Credential(
            label=found.label,
            listener=found.listener,
            expires=found.expires,
            attempt=f"{found.attempt} {found.generation} {found.slot}" if found.attempt else "",
        )

    def take_used(self) -> dict[str, float]:
        """Return and clear the use of stored credentials since the last call, but for those revoked
        since, of which nothing is to stay: hex digest -> time.
        """
        used, self.used = self.used, {}
        return {
            digest.hex(): when
            for digest, when in used.items()
            if digest[:_PREFIX] in self._known and digest[:_PREFIX] not in self._bootstrap
        }

    def _check(self, expires: float, now: float) -> None:
        """Raise `Unauthenticated` for an expired credential, `Undecided` where this machine's clock
        and Redis' disagree: a clock that is hours off must neither end a CAMARA subscription nor
        let an expired token in.
        """
        over = expires <= now
        if self._clock is not None and self._read_at is not None:
            theirs = self._clock + time.monotonic() - self._read_at
            if (expires <= theirs) != over:
                raise Undecided
        if over:
            raise Unauthenticated("expired credential")

    def _unknown(self, digest: bytes) -> Exception:
        age = None if self._read_at is None else time.monotonic() - self._read_at
        # A record whose key is no digest could be anybody's.
        lost = self.lost and digest not in self._withdrawn.revoked
        doubtful = lost or digest in self._unreadable or b"" in self._unreadable
        if age is None or age > SNAPSHOT_SECONDS or doubtful:
            return Undecided()
        return Unauthenticated("unknown credential")
