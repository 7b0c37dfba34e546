"""What a Redis that came back knows less of is missed: at least, and never more than it was."""

import asyncio
from typing import Any

import pytest

from receiver.connection import async_client
from receiver.health.losses import Losses
from receiver.notification import LEDGER, LOSSES
from tests.valkey import Valkey

ACCEPTED = 5


@pytest.mark.parametrize("looks", [0, 1, 2])
def test_a_loss_is_missed_once_however_looks_and_appends_follow_each_other(
    valkey: Valkey, looks: int
) -> None:
    client: Any = valkey.client()
    run_id = client.info("server")["run_id"]

    def append(losses: Losses, before: int) -> int:
        accepted: int = client.hincrby(LEDGER, "accepted", 1)
        losses.saw(before, accepted)
        return accepted

    async def lose() -> int:
        losses, line = Losses(), async_client(valkey.url)
        await losses.look(line, run_id)
        count = 0
        for _ in range(ACCEPTED):
            count = append(losses, count)
        await losses.look(line, run_id)
        client.flushall()
        for _ in range(looks):
            await losses.look(line, run_id)
        for _ in range(2 * ACCEPTED):
            count = append(losses, count)
        await losses.look(line, run_id)
        await line.aclose()
        return losses.lost

    assert asyncio.run(lose()) == ACCEPTED
    assert len(client.hgetall(LOSSES)) == 1
