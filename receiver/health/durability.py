"""The settings of Redis that weaken our durability promises."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import redis

from receiver.config.settings import SMALLEST_MEMORY

CONFIG_NAMES: Final = (
    *("appendonly", "appendfsync", "no-appendfsync-on-rewrite"),
    *("maxmemory", "maxmemory-policy", "min-replicas-to-write"),
)
"""The settings that decide whether what a server has acknowledged outlives it, and whether it takes
writes.
"""


def settings_of(client: redis.Redis) -> dict[str, str]:
    """Return a server's settings as `weaknesses` takes them. Raises `redis.RedisError`."""
    try:
        found: Any = client.config_get(*CONFIG_NAMES)
    except redis.ResponseError:
        return {}
    return dict(found)


class AppendOnlyLog:
    """Tracks whether a server's append-only log holds what was written: after `CONFIG SET
    appendonly yes` it does so only once its first rewrite is finished.
    """

    def __init__(self) -> None:
        self._incomplete: bool | None = None
        """None: the server has not been looked at."""

    def incomplete(self, persistence: Mapping[str, Any]) -> bool:
        """Return whether the log was turned on and has not been rewritten since, by INFO
        persistence. A caller that never looked before recognises only the first log that a server
        has had since it started: rewriting one that is complete looks the same otherwise.
        """
        enabled = persistence.get("aof_enabled")
        rewriting = persistence.get("aof_rewrite_in_progress")
        if enabled is None:
            return False  # this user may not ask
        if not enabled:
            self._incomplete = True
        elif not (rewriting or persistence.get("aof_rewrite_scheduled")):
            self._incomplete = False
        elif self._incomplete is None:
            first = persistence.get("aof_last_rewrite_time_sec") == -1
            self._incomplete = first and persistence.get("aof_base_size") == 0
        return bool(enabled and self._incomplete)


def weaknesses(config: Mapping[str, str], *, log_incomplete: bool = False) -> list[str]:
    """Return what is wrong with a server's settings (CONFIG GET), one sentence each with its
    remedy; `log_incomplete` as `AppendOnlyLog` has it.

    An empty mapping (a managed server that hides CONFIG) is itself one weakness: nobody can tell.
    """
    if not config:
        return ["the server hides its settings (CONFIG GET): durability cannot be checked"]
    found = []
    if config.get("appendonly") != "yes":
        found.append("appendonly is off: what was acknowledged is lost with the server; turn it on")
    else:
        found += _fsync(config)
        if log_incomplete:
            found.append(
                "the log (appendonly) was turned on and is not complete yet: until its first "
                "rewrite is finished, what was acknowledged is lost with the server; wait for it"
            )
    limit = int(config.get("maxmemory", "0"))
    if limit == 0:
        found.append("maxmemory is not set: intake cannot close before memory runs out; set it")
    elif limit < SMALLEST_MEMORY:
        found.append(
            f"maxmemory is {limit} bytes: a few large notifications fill it, and nothing can be "
            f"taken any more; set it to {SMALLEST_MEMORY >> 20}mb or more"
        )
    if limit and config.get("maxmemory-policy") != "noeviction":
        found.append(
            f"maxmemory-policy is {config.get('maxmemory-policy')}: a full server throws away "
            "notifications; set it to noeviction"
        )
    return found


def _fsync(config: Mapping[str, str]) -> Iterator[str]:
    if config.get("appendfsync") != "always":
        yield (
            f"appendfsync is {config.get('appendfsync')}: up to two seconds of acknowledged "
            "notifications are lost with the machine's power; set it to always"
        )
    if config.get("no-appendfsync-on-rewrite", "no") != "no":
        yield (
            "no-appendfsync-on-rewrite is on: while the log is rewritten nothing is on the disk "
            "when it is acknowledged; turn it off"
        )
