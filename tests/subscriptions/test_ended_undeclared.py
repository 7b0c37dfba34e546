"""What ends at an operator after its set has gone from there: nobody counted on it."""

from pathlib import Path

import pytest

from receiver.contract.redis_keys import SUBSCRIPTION_SETS
from receiver.subscriptions import ending
from receiver.subscriptions.context import Context
from tests.support.subscribing import attempt, run, slot
from tests.support.valkey import Valkey


@pytest.mark.parametrize("declared", [True, False])
def test_what_ends_where_its_set_is_declared_no_more_is_no_gap_and_no_early_end(
    valkey: Valkey, tmp_path: Path, declared: bool
) -> None:
    async def steps(context: Context) -> None:
        if not declared:
            context.sets, context.elsewhere = {}, frozenset({"fleet"})
        now = context.store.now()
        for number in range(3):
            ended = attempt(subscription="s", created=now, ended=ending.EXPIRED)
            one = slot(ended, id=f"fleet:{number}")
            await context.store.add_slots([one])
            await ending.remove_attempt(context, one.id, "rs1", ending.EXPIRED)
            left = await context.store.read_slot(one.id)
            assert left
            assert bool(left.gap) == declared
        noted = await context.store.client.hgetall(SUBSCRIPTION_SETS)
        assert bool(noted) == declared

    run(valkey, tmp_path, steps)
