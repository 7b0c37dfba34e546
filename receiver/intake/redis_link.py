"""A connection to Redis with one owner, for one script, under one deadline."""

import asyncio
from typing import Any, Final

from hiredis import pack_command
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError, ResponseError

from receiver.runtime.redis_client import ANSWER_WITHIN, async_pool

REPLICATE_WITHIN: Final = 400
"""Milliseconds the replicas get; what is left of `ANSWER_WITHIN` is the script's."""


class NotReplicated(RedisError):
    """The script ran, but fewer replicas than required have its writes yet."""


class RedisLink:
    """Runs one script over one connection, and drops the connection on any doubt.

    A reply that did not come leaves the connection unusable (a later reply would be taken for the
    next command's), so every failure closes it and the next call opens a new one.
    """

    def __init__(
        self, url: str, script: str, replicas: int = 0, *, within: float = ANSWER_WITHIN
    ) -> None:
        """`within`: seconds from connecting to the replicas' word."""
        self._within = within
        self._pool = async_pool(url, socket_timeout=None)  # `run` has one deadline for everything
        self._connection: Any = None  # redis-py leaves this abstract; one of its four kinds
        self._script = script
        self._sha = b""
        self._replicas = replicas

    async def run(self, keys: list[str], args: list[Any]) -> list[int]:
        """Run the script once, within the deadline.

        Raises one of `DOWN`; a `ResponseError` says that nothing was written, anything else that
        nobody knows.
        """
        try:
            async with asyncio.timeout(self._within):
                connection = await self._connected()
                return await self._ask(connection, ["EVALSHA", self._sha, len(keys), *keys, *args])
        except NoScriptError:
            self._sha = b""
            raise
        except ReadOnlyError:
            await self.close()  # the master is another one now; a new connection finds it
            raise
        except (ResponseError, NotReplicated):
            raise
        except RuntimeError as error:
            # uvloop's word for a write on a connection that was reset while nobody used it.
            await self.close()
            raise ConnectionResetError from error
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Drop the connection; safe to call twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)

    async def end(self) -> None:
        """Close the connection and the pool for good."""
        await self.close()
        await self._pool.disconnect()

    async def _ask(self, connection: Any, command: list[Any]) -> list[int]:
        # redis-py packs in Python, at four times the price of this.
        packed = pack_command(tuple(command))
        if not self._replicas:
            await connection.send_packed_command(packed)
            reply: list[int] = await connection.read_response()
            return reply
        # WAIT speaks of this connection's own writes, so the script writes something even when it
        # is repeated.
        wait = pack_command(("WAIT", self._replicas, REPLICATE_WITHIN))  # type: ignore[arg-type]
        await connection.send_packed_command(packed + wait)
        refused: ResponseError | None = None
        try:
            reply = await connection.read_response()
        except ResponseError as error:
            refused = error
        replicated = await connection.read_response()
        if refused is not None:
            raise refused
        if replicated < self._replicas:
            raise NotReplicated
        return reply

    async def _connected(self) -> Any:
        if self._connection is None:
            self._sha = b""
            self._connection = self._pool.make_connection()  # type: ignore[no-untyped-call]
            await self._connection.connect()
        if not self._sha:
            await self._connection.send_command("SCRIPT LOAD", self._script)
            self._sha = await self._connection.read_response()
        return self._connection
