"""Having the server let go of what its own logs have: it rewrites its append-only file, and empties
the logs of slow and of large commands, which have the beginning of each of their arguments.

A stream keeps its entries in blocks, of 4 KB mostly, and one that is deleted stays in its block
until the others have gone. As a snapshot the server writes whole blocks, as commands what can be
read.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from redis.exceptions import ResponseError

from receiver.erasure.wait import Say, Wait

REWRITE_SECONDS: Final = 600.0
"""How long the server's rewrite of its log may take before it is said to be under way still."""
_SLOW: Final = (("SLOWLOG", "RESET"), ("COMMANDLOG", "RESET", "large-request"))
"""Redis and every Valkey have the first, Valkey from 8.1 on the second too."""
_BLOCKS: Final = "what stood among entries of others (docs/privacy.md)"


def rewrite(client: Any, say: Say) -> str:
    """Have the server rewrite its log, and wait until it has. Returns what became of it, as
    `Report.log`. Raises `redis.RedisError`.
    """
    until = time.monotonic() + REWRITE_SECONDS
    wait = Wait("the server rewrites its log", say)
    try:
        if not client.info("persistence").get("aof_enabled"):
            return "none"
        before = _rewrites(client)
        while not _starts(client) and time.monotonic() < until:
            wait.pause(0.1)
    except ResponseError as error:
        return f"not rewritten: {str(error)[:80]}; have BGREWRITEAOF run on the server"
    while time.monotonic() < until:
        told = client.info("persistence")
        running = told["aof_rewrite_in_progress"] or told["aof_rewrite_scheduled"]
        if not running and _rewrites(client) > before:
            good = told["aof_last_bgrewrite_status"] == "ok"
            return "rewritten" if good else "not rewritten: the server failed, see its own log"
        wait.pause(0.1)
    return "not rewritten yet: the server is still at it"


def _starts(client: Any) -> bool:
    """Return False while a rewrite is under way that began before."""
    try:
        client.bgrewriteaof()
    except ResponseError as error:
        if "in progress" not in str(error):
            raise
        return False
    return True


def _rewrites(client: Any) -> int:
    return int(client.info("persistence").get("aof_rewrites", 0))


def later(client: Any) -> Iterator[str]:
    """Yield which files of the server keep what is deleted for a while, a sentence each; nothing
    where it hides its settings. Raises `redis.RedisError`.
    """
    told: dict[str, str] = {}
    with suppress(ResponseError):
        told = client.config_get("appendonly", "aof-use-rdb-preamble", "save")
    if told.get("appendonly") == "yes" and told.get("aof-use-rdb-preamble") == "yes":
        yield f"append-only file: {_BLOCKS}"
    if told.get("save"):
        yield f"snapshots (save): {_BLOCKS}"


def clear_slow(client: Any) -> None:
    """Empty the logs of commands where this user may and the server has them. Raises
    `redis.RedisError`.
    """
    for words in _SLOW:
        with suppress(ResponseError):
            client.execute_command(*words)
