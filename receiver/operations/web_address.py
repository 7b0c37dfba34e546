"""Where a web process listens, for a console on the same machine that was not told."""

from typing import Any, Final

import redis

from receiver.contract.redis_keys import WEB_PORT
from receiver.runtime.redis_errors import unless_foreign

USUAL: Final = 8080
_REACHED: Final = ("127.0.0.1", "localhost", "0.0.0.0")  # noqa: S104 - what others may listen on
"""Hosts on which it listens to 127.0.0.1 too."""


def say_port(client: redis.Redis, host: str, port: int) -> None:
    """Store the port of a web process that begins. Raises `redis.RedisError`."""
    if host in _REACHED:
        client.set(WEB_PORT, port)


def said_url(client: redis.Redis) -> str:
    """Return where, on this machine, the web process is that began last; where none has said its
    port, the usual one. Raises `redis.RedisError`.
    """
    return f"http://127.0.0.1:{port(client, WEB_PORT) or USUAL}"


def port(client: redis.Redis, key: str) -> int:
    """Return the port that a key holds; 0 where it holds none. Raises `redis.RedisError`."""
    stored: Any = unless_foreign(lambda: client.get(key), None) or b""
    return int(stored) if stored.isdigit() and len(stored) < 6 else 0
