"""The intake's one connection, on the event loop that serves."""

import asyncio

import pytest
import uvloop

from receiver.commit.link import Link
from receiver.connection import DOWN
from tests.valkey import Valkey


def test_a_connection_that_was_lost_while_nobody_used_it_is_a_redis_that_is_down(
    valkey: Valkey,
) -> None:
    async def use() -> None:
        link = Link(valkey.url, "return {1}")
        assert await link.run([], []) == [1]
        # As the loop does when a reset comes in; a server that is only killed says goodbye.
        link._connection._writer.transport.abort()
        await asyncio.sleep(0)
        with pytest.raises(DOWN):
            await link.run([], [])
        assert await link.run([], []) == [1]
        await link.end()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(use())
