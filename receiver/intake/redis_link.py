"""A connection to Redis with one owner, for one script, under one deadline."""

import asyncio
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from hiredis import pack_command
from redis.exceptions import (
    InvalidResponse,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from receiver.intake.redis_protocol import RedisProtocol
from receiver.runtime.redis_client import ANSWER_WITHIN, async_pool

T = TypeVar("T")

REPLICATE_WITHIN: Final = 400
"""Milliseconds the replicas get; what is left of `ANSWER_WITHIN` is the script's."""


class NotReplicated(RedisError):
    """The script ran, but fewer replicas than required have its writes yet."""


class Reply(NamedTuple):
    """What the script returned (`append.lua`)."""

    written: int
    rings: int
    accepted: int


class RedisLink:
    """Runs one script over one connection, and drops the connection on any doubt.

    A reply that did not come leaves the connection unusable (a later reply would be taken for the
    next command's), so every failure closes it and the next call opens a new one.
    """

    def __init__(
        self, url: str, script: str, replicas: int = 0, *, within: float = ANSWER_WITHIN
    ) -> None:
        """`within`: seconds for all of it, from connecting to the replicas' acknowledgement."""
        self._within = within
        self._pool = async_pool(url, socket_timeout=None)  # `run` has one deadline for everything
        self._connection: Any = None  # redis-py leaves this abstract; one of its four kinds
        self._protocol: RedisProtocol | None = None
        self._script = script
        self._sha = b""
        self._replicas = replicas

    def wait_longer(self, most: float) -> None:
        """Have the next connection wait twice as long, but for no more than so many seconds."""
        self._within = min(2 * self._within, most)

    async def run(self, keys: list[str], args: list[Any]) -> Reply:
        """Run the script once, within the deadline.

        Raises one of `DOWN`; a `ResponseError` says that nothing was written, anything else that
        nobody knows.
        """
        try:
            if self._protocol and self._sha:
                return await self._evaluate(self._protocol, keys, args)
            async with asyncio.timeout(self._within):
                return await self._evaluate(await self._connected(), keys, args)
        except NoScriptError:
            self._sha = b""
            raise
        except ReadOnlyError:
            await self.close()  # another server is the master now; a new connection finds it
            raise
        except (ResponseError, NotReplicated):
            raise
        except RuntimeError as error:
            # What uvloop raises for a write on a connection that was reset while it was idle.
            await self.close()
            raise ConnectionResetError from error
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Drop the connection; safe to call twice."""
        connection, self._connection, self._protocol = self._connection, None, None
        if connection is not None:
            await connection.disconnect(nowait=True)

    async def end(self) -> None:
        """Close the connection and the pool for good."""
        await self.close()
        await self._pool.disconnect()

    async def _evaluate(self, protocol: RedisProtocol, keys: list[str], args: list[Any]) -> Reply:
        reply = protocol.send(_packed("EVALSHA", self._sha, len(keys), *keys, *args))
        if not self._replicas:
            return _checked(await reply, Reply)
        # WAIT is about this connection's own writes, so the script writes something even when it
        # is repeated.
        wait = protocol.send(_packed("WAIT", self._replicas, REPLICATE_WITHIN))
        await asyncio.wait((reply, wait))
        refused, replicated = reply.exception(), _checked(wait.result(), int)
        if refused:
            raise refused
        if replicated < self._replicas:
            raise NotReplicated
        return _checked(reply.result(), Reply)

    async def _connected(self) -> RedisProtocol:
        if self._protocol is None:
            self._sha = b""
            self._connection = self._pool.make_connection()  # type: ignore[no-untyped-call]
            await self._connection.connect()
            self._protocol = RedisProtocol(self._connection._writer.transport, self._within)
        if not self._sha:
            loaded = await self._protocol.send(_packed("SCRIPT", "LOAD", self._script))
            self._sha = _checked(loaded, bytes)
        return self._protocol


def _packed(*words: Any) -> bytes:
    """Pack a command; redis-py does it in Python, at four times the price."""
    packed: bytes = pack_command(words)
    return packed


def _checked(reply: Any, kind: type[T]) -> T:
    """Return a reply of the kind that the command has. Raises `InvalidResponse`: it was another
    command's, or whoever answers is no Redis.
    """
    try:
        return msgspec.convert(reply, kind)
    except msgspec.ValidationError:
        raise InvalidResponse from None
