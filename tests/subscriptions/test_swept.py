"""The token of a subscription goes once it is over by both clocks: Redis', and this machine's."""

import time
from pathlib import Path

import msgspec
import pytest

from receiver.auth.subscription_credentials import SubscriptionCredential
from receiver.contract.redis_keys import SUBSCRIPTION_ATTEMPTS, SUBSCRIPTION_CREDENTIALS
from receiver.subscriptions.context import Context
from receiver.subscriptions.sweep import Sweep
from tests.support.subscribing import DAY, run
from tests.support.valkey import Valkey

DIGEST = "ab" * 32


@pytest.mark.parametrize(
    ("server", "local", "gone"),
    [(0, 0, False), (40, 0, False), (0, 40, False), (40, 40, True)],
)
def test_a_token_that_lives_stays_while_one_clock_is_weeks_ahead(
    valkey: Valkey,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    server: int,
    local: int,
    gone: bool,
) -> None:
    async def steps(context: Context) -> None:
        store, right = context.store, time.time
        lives = SubscriptionCredential("fleet", "default", right() + 30 * DAY, "rs1", 1, "fleet:a")
        record = msgspec.json.encode(lives).decode()
        await store.write_field(SUBSCRIPTION_CREDENTIALS, DIGEST, record)
        await store.write_field(SUBSCRIPTION_ATTEMPTS, "rs1", '["nokia","fleet","fleet:a",1]')
        monkeypatch.setattr(store, "now", lambda: right() + server * DAY)
        monkeypatch.setattr(time, "time", lambda: right() + local * DAY)
        await Sweep(store).run()
        assert bool(await store.read_field(SUBSCRIPTION_CREDENTIALS, DIGEST)) is not gone

    run(valkey, tmp_path, steps)
