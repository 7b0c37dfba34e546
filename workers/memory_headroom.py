"""Memory headroom: near a full Redis, each stage waits until the next one has caught up.

On a full server nothing works any more, not even what would free memory: RQ's workers are refused
their heartbeat, a consumer its job. So a stage that needs more memory stops before that, but only
while a later stage has work to do; else all would wait for each other.
"""

import re
import time
from typing import Any, Final

import redis

from receiver.contract.redis_keys import EVENTS, forward_group
from receiver.contract.stored_values import text

NEARLY_FULL_AT: Final = 0.9
"""Share of `maxmemory`. From 0.8 on ingest answers 503; what is in by then needs some more."""
EVERY: Final = 0.1
"""Seconds for which an answer counts: one takes Redis as long as some notifications, and what comes
in meanwhile is far from the rest of `maxmemory`."""
_memory: Final = re.compile(rb"^(used_memory|maxmemory):(\d+)", re.MULTILINE).findall


class Headroom:
    """Know whether a server is nearly full, by an answer that is at most `EVERY` old."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._answered = float("-inf")
        self.nearly_full = False
        """By the last answer."""
        self.limit = 0
        """The server's `maxmemory` by the last answer; 0: none."""

    def is_due(self) -> bool:
        """Return whether the last answer counts no more."""
        return time.monotonic() - self._answered >= EVERY

    def ask(self) -> bool:
        """Return whether the server is nearly full; asks it if that is due. Raises
        `redis.RedisError`.
        """
        if self.is_due():
            memory: Any = self._client.info("memory")
            self._note(memory["used_memory"], memory.get("maxmemory", 0))
        return self.nearly_full

    def told(self, reply: bytes) -> None:
        """Note a reply to `INFO memory`, as the server sent it. redis-py would parse every line of
        it, which takes as long as normalising some notifications.
        """
        found = {name: int(value) for name, value in _memory(reply)}
        self._note(found[b"used_memory"], found.get(b"maxmemory", 0))

    def _note(self, used: int, limit: int) -> None:
        self.limit = limit
        self.nearly_full = bool(limit and used > NEARLY_FULL_AT * limit)
        self._answered = time.monotonic()


def sinks_have_backlog(client: redis.Redis) -> bool:
    """Return whether any sink has events left to deliver. Raises `redis.RedisError`."""
    if not client.exists(EVENTS):
        return False
    groups: Any = client.xinfo_groups(EVENTS)
    return any(
        group["pending"] or _waits(client, group)
        for group in groups
        if text(group["name"]).startswith(forward_group(""))
    )


def _waits(client: redis.Redis, group: dict[str, Any]) -> bool:
    """Return whether there is an entry that a group was not given. The server does not say how many
    there are (None) while one ahead of the group has been deleted, as `receiver erase` does.
    """
    if group["lag"] is not None:
        return bool(group["lag"])
    last = group["last-delivered-id"].decode()
    return bool(client.xrange(EVENTS, f"({last}", "+", count=1))
