"""Connections to Redis that never retry on their own.

redis-py 8 repeats every command ten times by default, writes included; whoever holds an idempotency
key repeats here, nobody else does.
"""

from typing import Any, Final

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.retry import Retry

ANSWER_WITHIN: Final = 0.6
"""Seconds one command may take, or one connection attempt: a third of an acknowledgement's time."""

DOWN: Final = (RedisError, OSError, TimeoutError)
"""What a Redis in trouble may raise."""


def client(url: str, *, timeout: float = ANSWER_WITHIN) -> redis.Redis:
    """A blocking client, for threads and commands."""
    return redis.Redis.from_url(
        url, retry=Retry(NoBackoff(), 0), socket_timeout=timeout, socket_connect_timeout=timeout
    )


def async_client(url: str) -> redis.asyncio.Redis:
    """A client for the event loop's occasional reads; writes go through the intake."""
    return redis.asyncio.Redis.from_url(
        url,
        retry=AsyncRetry(NoBackoff(), 0),
        socket_timeout=ANSWER_WITHIN,
        socket_connect_timeout=ANSWER_WITHIN,
        max_connections=4,
    )


class Link:
    """One connection of one owner, for one script: sends, waits, and drops the line on any doubt.

    A reply that did not come leaves the connection unusable (a later reply would be taken for the
    next command's), so every failure closes it and the next call opens a new one.
    """

    def __init__(self, url: str, script: str) -> None:
        self._pool = redis.asyncio.ConnectionPool.from_url(
            url,
            retry=AsyncRetry(NoBackoff(), 0),
            socket_timeout=ANSWER_WITHIN,
            socket_connect_timeout=ANSWER_WITHIN,
        )
        self._connection: Any = None  # redis-py leaves this abstract; one of its three kinds
        self._script = script
        self._sha = b""

    async def run(self, keys: list[str], args: list[Any]) -> list[int]:
        """Run the script once. Raises one of `DOWN`; then nobody knows whether it ran."""
        try:
            connection = await self._connected()
            await connection.send_command("EVALSHA", self._sha, len(keys), *keys, *args)
            reply: list[int] = await connection.read_response()
        except NoScriptError:
            self._sha = b""
            raise
        except ResponseError:
            raise
        except BaseException:
            await self.close()
            raise
        return reply

    async def close(self) -> None:
        """Drop the connection; safe to call twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)

    async def _connected(self) -> Any:
        if self._connection is None:
            connection = self._pool.make_connection()  # type: ignore[no-untyped-call]
            await connection.connect()
            self._connection, self._sha = connection, b""
        if not self._sha:
            await self._connection.send_command("SCRIPT LOAD", self._script)
            self._sha = await self._connection.read_response()
        return self._connection
