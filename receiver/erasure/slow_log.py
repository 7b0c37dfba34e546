"""Emptying the server's own logs of slow and of large commands, which have the beginning of each of
their arguments: of a notification that may be whose it is.
"""

from contextlib import suppress
from typing import Any, Final

from redis.exceptions import ResponseError

_LOGS: Final = (("SLOWLOG", "RESET"), ("COMMANDLOG", "RESET", "large-request"))
"""Redis and every Valkey have the first, Valkey from 8.1 on the second too."""


def clear(client: Any) -> None:
    """Empty them where this user may and the server has them. Raises `redis.RedisError`."""
    for words in _LOGS:
        with suppress(ResponseError):
            client.execute_command(*words)
