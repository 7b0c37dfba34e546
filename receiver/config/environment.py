"""The environment variables that are settings: how each is read, and what is wrong with one."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from receiver.config import bootstrap_tokens, console, header_names, secret_keys
from receiver.config.fault import Fault
from receiver.runtime import redis_client

HISTORY_PERCENT: Final = 60
"""Of `maxmemory`; above it old history is trimmed. Intake closes above, below
`workers.memory_headroom`'s mark."""
_SIZE: Final = re.compile(r"([0-9]{1,15})\s*(b|kb|mb|gb)?", re.IGNORECASE)
_UNITS: Final = {"": 1, "b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3}


class Variable(NamedTuple):
    """One environment variable. `cast` reads its value, and raises `ValueError` with what is
    wanted.
    """

    name: str
    field: str
    """The field of `Settings` that it sets, whose default holds where it is absent or empty."""
    cast: Callable[[str], Any]
    secret: bool = False
    """Whether its value may not be shown."""


def read(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[Fault]]:
    """Return field of `Settings` -> value of the variables that are set, and what is wrong with
    others.
    """
    values: dict[str, Any] = {}
    faults = list(_quoted(environ))
    wrong = {one.place for one in faults}
    for each in VARIABLES:
        # An empty variable is an absent one, as process managers write them.
        said = environ.get(each.name, "").strip()
        try:
            if said and each.name not in wrong:
                values[each.field] = each.cast(said)
        except ValueError as error:
            # Before the @ of an address a password may stand.
            shown = "(not shown)" if each.secret or "@" in said else repr(said)
            faults.append(Fault(f"{each.name}={shown}", str(error)))
    return values, faults


def _quoted(environ: Mapping[str, str]) -> Iterator[Fault]:
    """Yield variables in quotes: `docker run --env-file` does not take them off, as a shell,
    Compose and systemd do.
    """
    for name, value in environ.items():
        ours = name in ("PORT", "HOST", "REDIS_URL", "WEB_CONCURRENCY") or name[:9] == "RECEIVER_"
        said = value.strip()
        if ours and said and {said[0], said[-1]} & bootstrap_tokens.QUOTES:
            yield Fault(name, "the quotes would be part of the value: leave them out")


def _whole(low: int, high: int) -> Callable[[str], int]:
    def cast(value: str) -> int:
        digits = value.isascii() and value.isdigit() and len(value) < 20
        if not (digits and low <= int(value) <= high):
            raise ValueError(f"a whole number from {low} to {high} is wanted")
        return int(value)

    return cast


def _size(value: str) -> int:
    found = _SIZE.fullmatch(value)
    if not found:
        raise ValueError("a size such as 512mb or 4gb is wanted")
    size = int(found[1]) * _UNITS[(found[2] or "").lower()]
    if not 1024**2 <= size < 2**60:
        raise ValueError("a size from 1mb on is wanted")
    return size


def _durability(value: str) -> str:
    if value not in ("warn", "strict"):
        raise ValueError("warn or strict is wanted")
    return value


def _log_level(value: str) -> str:
    if value.lower() not in ("debug", "info", "warning", "error"):
        raise ValueError("debug, info, warning or error is wanted")
    return value.lower()


def _redis_url(value: str) -> str:
    if wrong := redis_client.fault(value):
        raise ValueError(wrong)
    return value


def _digests(tokens: str) -> tuple[bytes, ...]:
    """Digest tokens as the bytes that were set, UTF-8 or not: that is what comes in a header."""
    names = [os.fsencode(token) for token in bootstrap_tokens.split(tokens)]
    return tuple(hashlib.sha256(name).digest() for name in names)


VARIABLES: Final = (
    Variable("HOST", "host", str),
    Variable("PORT", "port", _whole(0, 65535)),
    Variable("REDIS_URL", "redis_url", _redis_url, secret=True),
    Variable("RECEIVER_DATA_DIR", "data_dir", Path),
    Variable("RECEIVER_MAXMEMORY", "maxmemory", _size),
    Variable("RECEIVER_FULL_PERCENT", "full_percent", _whole(HISTORY_PERCENT + 5, 85)),
    Variable("RECEIVER_MAX_IN_FLIGHT", "max_in_flight", _whole(1, 8192)),
    Variable("RECEIVER_BEARER_TOKENS", "bearer_digests", _digests, secret=True),
    Variable("RECEIVER_MAX_BODY_BYTES", "max_body_bytes", _whole(1024, 2**26)),
    Variable("RECEIVER_LOG_LEVEL", "log_level", _log_level),
    Variable("RECEIVER_DURABILITY", "durability", _durability),
    Variable("RECEIVER_DEDUPE_HOURS", "dedupe_hours", _whole(1, 24 * 365)),
    Variable("WEB_CONCURRENCY", "web_concurrency", _whole(1, 256)),
    Variable("RECEIVER_WORKERS", "workers", _whole(1, 256)),
    Variable("RECEIVER_SPOOL_DIR", "spool_dir", Path),
    Variable("RECEIVER_SPOOL_BYTES", "spool_bytes", _size),
    Variable("RECEIVER_PARK_DIR", "park_dir", Path),
    Variable("RECEIVER_ACK_REPLICAS", "ack_replicas", _whole(0, 16)),
    Variable("RECEIVER_SECRET_KEYS", "secret_keys", secret_keys.keys, secret=True),
    Variable("RECEIVER_CONSOLE_URL", "console_url", console.public_url),
    Variable("RECEIVER_CONSOLE_PROXY", "console_proxy", console.peers),
    Variable("RECEIVER_TRACE_URL", "trace_url", console.trace_url),
    Variable("RECEIVER_KEEP_HEADERS", "keep_headers", header_names.names),
)
"""All but `RECEIVER_CONFIG`, which names the file, and those that one command alone reads."""
