"""How the polls stand, read from Redis and this machine's disk, without asking any gateway."""

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
import redis

from receiver.contract.redis_keys import poll_state
from receiver.contract.stored_values import counts, texts
from receiver.polling.page_file import SUFFIX, poll_of, waiting
from receiver.polling.rounds import OUTCOMES
from receiver.runtime.redis_errors import is_foreign

BEATS_WITHIN: Final = 60.0
"""Seconds after which a poll whose process said nothing has none."""
_WHOLE: Final = (
    *("every", "seen", "started", "succeeded", "due"),
    *("failures", "pending", "messages", "pages"),
)


class PollState(msgspec.Struct, frozen=True, kw_only=True):
    """One poll and how it stands. Times are seconds since 1970, Redis' clock; 0: never."""

    name: str
    kind: str = ""
    every: int = 0
    seen: int = 0
    """When a process last looked after it."""
    started: int = 0
    succeeded: int = 0
    due: int = 0
    outcome: str = ""
    trouble: str = ""
    failures: int = 0
    pending: int = 0
    messages: int = 0
    pages: int = 0
    """Answers on the disk of its process that are not in Redis yet."""
    polls: dict[str, int] = {}
    """Outcome -> requests."""

    def alive(self, now: float) -> bool:
        """Return whether a process looks after it."""
        return abs(now - self.seen) < BEATS_WITHIN  # a time to come is that of another clock


class PageFiles(msgspec.Struct, frozen=True):
    """The page files of one poll on this machine."""

    count: int
    oldest: float
    """Age in seconds."""


def states(client: redis.Redis, names: Iterable[str]) -> list[PollState]:
    """Return the state of each poll. Raises `redis.RedisError`. A key of another type counts as
    none.
    """
    wanted = list(names)
    pipe = client.pipeline(transaction=False)
    for name in wanted:
        pipe.hgetall(poll_state(name))
    replies: Any = pipe.execute(raise_on_error=False)
    for reply in replies:
        if isinstance(reply, redis.RedisError) and not is_foreign(reply):
            raise reply
    return [_state(name, reply) for name, reply in zip(wanted, replies, strict=True)]


def page_files(directory: Path) -> dict[str, PageFiles]:
    """Return what lies in a directory of page files, by poll. Raises `OSError` where it may not be
    read.
    """
    with contextlib.suppress(FileNotFoundError):
        os.listdir(directory)  # a glob says nothing of a directory that it may not read
    found: dict[str, PageFiles] = {}
    for path in waiting(directory):
        try:
            age = max(0.0, time.time() - path.stat().st_mtime)
        except OSError:
            continue  # it has just gone
        before = found.get(poll_of(path), PageFiles(0, 0.0))
        found[poll_of(path)] = PageFiles(before.count + 1, max(before.oldest, age))
    return found


def damaged(directory: Path) -> int:
    """Return how many files were set aside because no page could be read from them. Raises
    `OSError` where the directory may not be searched.
    """
    return len(list(directory.glob(f"*{SUFFIX.replace('page', 'damaged')}")))


def _state(name: str, reply: Any) -> PollState:
    if not isinstance(reply, dict):
        return PollState(name=name)
    said, known = texts(reply), counts(reply)
    times = {field: known[field] for field in _WHOLE if field in known}
    words = {field: said.get(field, "") for field in ("kind", "outcome", "trouble")}
    polls = {one: known[f"polls:{one}"] for one in OUTCOMES if f"polls:{one}" in known}
    return PollState(name=name, polls=polls, **words, **times)  # type: ignore[arg-type]
