"""The intake's connection, from the moment that redis-py has opened it."""

import asyncio
import gc
import socket
import tomllib
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import uvloop
from packaging.requirements import Requirement
from redis.exceptions import ConnectionError as ConnectionClosed
from redis.exceptions import NoScriptError

from receiver.intake.redis_protocol import RedisProtocol

ROOT = Path(__file__).parents[2]
PATIENT = 60.0
"""Seconds: nothing but the test of the deadline is about time."""
Use = Callable[[RedisProtocol, socket.socket], Awaitable[None]]


def connected(use: Use, within: float = PATIENT) -> None:
    """Run `use` with a connection and the server's end of it."""

    async def main() -> None:
        ours, theirs = socket.socketpair()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
        with theirs:
            await use(RedisProtocol(transport, within), theirs)
            transport.abort()
            await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def test_replies_go_to_their_commands_in_order_however_they_are_cut() -> None:
    async def use(connection: RedisProtocol, server: socket.socket) -> None:
        asked = [connection.send(name) for name in (b"a", b"b", b"c")]
        server.sendall(b"*2\r\n:1\r\n:")
        await asyncio.sleep(0.02)
        assert not asked[0].done()
        server.sendall(b"2\r\n-NOSCRIPT gone\r\n>2\r\n$1\r\nx\r\n:0\r\n$2\r\nok\r\n")
        assert await asked[0] == [1, 2]
        with pytest.raises(NoScriptError):
            await asked[1]
        assert await asked[2] == b"ok"
        assert server.recv(9) == b"abc"

    connected(use)


def test_a_reply_to_whoever_waits_no_more_is_nobody_elses() -> None:
    async def use(connection: RedisProtocol, server: socket.socket) -> None:
        first, second = connection.send(b"a"), connection.send(b"b")
        first.cancel()
        server.sendall(b":1\r\n:2\r\n")
        assert await second == 2
        third = connection.send(b"c")
        server.sendall(b":3\r\n")
        assert await third == 3

    connected(use)


def test_a_reply_that_nobody_waits_for_fails_without_a_word() -> None:
    async def use(connection: RedisProtocol, server: socket.socket) -> None:
        loop, said = asyncio.get_running_loop(), list[Any]()
        loop.set_exception_handler(lambda _loop, about: said.append(about))
        connection.send(b"a")
        awaited = connection.send(b"b")
        server.close()
        with pytest.raises(ConnectionClosed):
            await awaited
        del awaited
        gc.collect()
        await asyncio.sleep(0)
        assert said == []

    connected(use)


def test_a_reply_that_does_not_come_is_a_timeout_also_after_others_that_did() -> None:
    async def use(connection: RedisProtocol, server: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        first = connection.send(b"a")
        server.sendall(b":1\r\n")
        assert await first == 1
        await asyncio.sleep(1)
        begin = loop.time()
        with pytest.raises(TimeoutError):
            await connection.send(b"b")
        assert loop.time() - begin >= 1.9  # the first one's timer counts for nobody else

    connected(use, within=2)


@pytest.mark.parametrize(
    "said",
    [
        *(b"HTTP/1.1 400 Bad Request\r\n\r\n", b":1\r\n:2\r\n", b""),
        *(b"-MOVED x\r\n", b"-ASK 1 host:port\r\n", b"%1\r\n*1\r\n:1\r\n:1\r\n"),
    ],
)
def test_a_server_that_says_something_else_or_hangs_up_ends_the_connection(said: bytes) -> None:
    async def use(connection: RedisProtocol, server: socket.socket) -> None:
        faults: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
        asked: list[asyncio.Future[Any]] = [connection.send(b"a")]
        if said:
            server.sendall(said)
        else:
            server.close()
        await asyncio.wait(asked)
        while True:  # until the transport knows
            asked.append(connection.send(b"b"))
            if asked[-1].done():
                break
            await asyncio.sleep(0)
        for failed in asked[1:]:
            with pytest.raises(ConnectionClosed):
                await failed
        assert not faults

    connected(use)


def test_redis_py_stays_below_the_next_minor_version_as_its_connection_is_taken_apart() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [wanted] = [
        found for one in project["dependencies"] if (found := Requirement(one)).name == "redis"
    ]
    major, minor, *_ = version("redis").split(".")
    assert version("redis") in wanted.specifier
    assert f"{major}.{int(minor) + 1}.0" not in wanted.specifier
