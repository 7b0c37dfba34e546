"""The intake's one connection, on the event loop that serves."""

import asyncio
from collections.abc import Callable

import pytest
import uvloop

from receiver.contract.redis_keys import BELL, INBOUND, LEDGER, REJECTED
from receiver.intake.inbound_writer import script
from receiver.intake.redis_link import NotReplicated, RedisLink
from receiver.runtime.redis_errors import DOWN
from tests.support.commands import free_port
from tests.support.eventually import eventually
from tests.support.valkey import Valkey

PATIENT = 60.0
"""Seconds in which every server answers: nothing here is about one that does not."""


def test_a_connection_that_was_lost_while_nobody_used_it_is_a_redis_that_is_down(
    valkey: Valkey,
) -> None:
    async def use() -> None:
        link = RedisLink(valkey.url, "return {1, 0, 5}", within=PATIENT)
        assert await link.run([], []) == (1, 0, 5)
        # As the loop does when a reset comes in; a server that is only killed says goodbye.
        link._connection._writer.transport.abort()
        await asyncio.sleep(0)
        with pytest.raises(DOWN):
            await link.run([], [])
        assert await link.run([], []) == (1, 0, 5)
        await link.end()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(use())


@pytest.mark.parametrize(
    "other", ["return 1", "return {1}", "return {1, 0, 5, 5}", "return {1, 0, 'x'}", "return false"]
)
def test_an_answer_that_is_another_commands_is_a_redis_that_is_down(
    valkey: Valkey, other: str
) -> None:
    async def use() -> None:
        link = RedisLink(valkey.url, other, within=PATIENT)
        with pytest.raises(DOWN):
            await link.run([], [])
        assert link._protocol is None  # what else comes on that connection may be another's too
        await link.end()

    asyncio.run(use())


def test_a_batch_that_is_repeated_on_another_connection_waits_for_its_replicas_too(
    start_valkey: Callable[..., Valkey],
) -> None:
    port = free_port()
    master, replica = start_valkey(port=str(port)), start_valkey()
    replica.client().replicaof("127.0.0.1", port)
    eventually(lambda: replica.client().info("replication").get("master_link_status") == "up")
    words = [5000, 100, 1, 1, 0, "one"]
    keys = [INBOUND, REJECTED, LEDGER, BELL, "receiver:flusher:test"]

    async def once() -> None:
        link = RedisLink(master.url, script(), replicas=1, within=PATIENT)
        try:
            await link.run(keys, words)
        finally:
            await link.end()

    replica.pause()
    for _ in range(2):  # the second has nothing to append, and would have nothing to wait for
        with pytest.raises(NotReplicated):
            asyncio.run(once())
    replica.resume()
    asyncio.run(once())
    assert master.client().xlen(INBOUND) == 1
