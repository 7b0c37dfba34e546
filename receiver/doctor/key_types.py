"""Checks the types of our keys and counts: a wrong one was written by another program."""

import contextlib
import shlex
from collections.abc import Iterator
from typing import Any, Final

import redis
from redis.exceptions import NoPermissionError

from receiver.config.settings import HttpSink, RedisStreamSink, Settings
from receiver.contract import redis_keys
from receiver.doctor.finding import Finding
from receiver.doctor.unreachable_redis import ASK
from receiver.metrics.snapshot import Snapshot

_STREAMS: Final = (
    *("INBOUND", "EVENTS", "DEAD_LETTERS", "REJECTED", "DELIVERIES", "WATCH", "CONSOLE_AUDIT"),
    "HISTORY",
)
_HASHES: Final = (
    *("LEDGER", "MARKS", "LOSSES", "ATTEMPTS", "CREDENTIALS", "CREDENTIALS_USED"),
    *("TURNED_AWAY", "METER", "HEARD", "SINKS", "IDENTITIES", "WATCHES", "WATCH_COUNTS"),
    *("SUBSCRIPTIONS", "SUBSCRIPTION_IDS", "SUBSCRIPTION_ATTEMPTS", "SUBSCRIPTION_SETS"),
    *("SUBSCRIPTION_CREDENTIALS", "CONSENTS", "DEAD_LETTER_OWNERS"),
    *("SPOOLS", "ERASE_SPOOLED", "POSITIONS"),
)
_STRINGS: Final = (
    *("BOOK", "BELL", "CREDENTIALS_REVISION"),
    "SUBSCRIPTION_CREDENTIALS_REVISION",
)
KINDS: Final[dict[str, str]] = {
    getattr(redis_keys, name): kind
    for names, kind in ((_STREAMS, "stream"), (_HASHES, "hash"), (_STRINGS, "string"))
    for name in names
} | {
    redis_keys.CREDENTIALS_REVOKED: "set",
    redis_keys.SUBSCRIPTION_CREDENTIALS_CHANGES: "zset",
}
"""Key -> its type, as `receiver.contract.redis_keys` has it."""


def check_key_types(client: redis.Redis) -> Iterator[Finding]:
    """Check each of our keys for its type. Raises `redis.RedisError`."""
    pipe = client.pipeline(transaction=False)
    for key in KINDS:
        pipe.type(key)
    found: Any = pipe.execute()
    for (key, wanted), kind in zip(KINDS.items(), found, strict=True):
        if kind.decode() not in ("none", wanted):
            yield Finding(
                "serious",
                f"{key} is a {kind.decode()}, and was a {wanted}",
                "what needs it stops, and waits (WRONGTYPE): workers, or intake (/readyz says so)",
                f"{ASK}RENAME {key} not-ours:{key}  # then see who wrote it",
            )


def check_sink_keys(client: redis.Redis, settings: Settings) -> Iterator[Finding]:
    """Check the types of the keys that sinks on our own Redis write to. Raises
    `redis.RedisError`.
    """
    for sink in settings.sinks:
        if isinstance(sink, HttpSink) or sink.redis_url not in (None, settings.redis_url):
            continue
        if isinstance(sink, RedisStreamSink):
            key, wanted = sink.stream, "stream"
        else:
            key, wanted = f"rq:queue:{sink.queue}", "list"
        with contextlib.suppress(NoPermissionError):
            found: Any = client.type(key)
            if (kind := found.decode()) not in ("none", wanted):
                yield Finding(
                    "serious",
                    f"the sink {sink.name} gets nothing: {key} is a {kind}, not a {wanted}",
                    "another program has written there; the sink's events wait",
                    f"{ASK}RENAME {shlex.quote(key)} {shlex.quote(f'not-ours:{key}')}"
                    "  # then see who wrote it",
                    f"/sinks/{sink.name}",
                )


def check_counts(found: Snapshot) -> Iterator[Finding]:
    """Check that each count is a whole number."""
    of_ledger = (
        [(redis_keys.LEDGER, name) for name in found.ledger.unreadable] if found.ledger else []
    )
    for key, name in [*of_ledger, *found.unreadable]:
        yield Finding(
            "serious",
            f"{key} has no whole number under {name!r}",
            "another program has written there; it counts as 0 until it is mended",
            f"{ASK}HGET {key} {shlex.quote(name)}  # then see who wrote it",
        )
