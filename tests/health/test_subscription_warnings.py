"""`/readyz` warns of subscriptions that do not live as they should, and stays 200."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from receiver.config.settings import load
from receiver.contract.redis_keys import (
    SUBSCRIPTION_SETS,
    subscriptions_lease,
    subscriptions_state,
)
from receiver.health.subscription_warnings import SubscriptionWarnings
from tests.support.running import Receiver
from tests.support.subscribing import TOML
from tests.support.valkey import Valkey

NOBODY = "operator nokia: no controller keeps its subscriptions; see receiver doctor"


def warned(valkey: Valkey, directory: Path, state: dict[str, Any], **of_set: Any) -> list[str]:
    """The warnings; times are seconds from now."""
    times = ("circuit_open", "quota_until", "next_end", "renewal_due", "unknown_since")
    now = time.time()
    client = valkey.client()
    client.set(subscriptions_lease("nokia"), "somebody")
    lives: dict[str, Any] = {"name": "fleet", "operator": "nokia", "wanted": 10, "active": 10}
    lives |= of_set
    sets = json.dumps([{name: now + x if name in times else x for name, x in lives.items()}])
    fields = {name: now + x if name in times else x for name, x in state.items()}
    client.hset(subscriptions_state("nokia"), mapping={"sets": sets} | fields)
    (directory / "receiver.toml").write_text(TOML)
    known = SubscriptionWarnings(load({"RECEIVER_CONFIG": str(directory / "receiver.toml")}))

    async def look() -> list[str]:
        async with Redis.from_url(valkey.url) as line:
            await known.look(line)
        return known.warnings

    return asyncio.run(look())


def test_where_all_live_there_is_no_warning(valkey: Valkey, tmp_path: Path) -> None:
    assert warned(valkey, tmp_path, {"quota_until": -1, "circuit_open": -60}) == []
    soon = {"next_end": 7200, "renewal_due": -60, "unknown_since": -60}
    assert warned(valkey, tmp_path, {}, **soon) == []
    assert warned(valkey, tmp_path, {}, active=7, left="declared there no more") == []


@pytest.mark.parametrize(
    ("state", "of_set", "said"),
    [
        ({"trouble": "401: no"}, {}, "operator nokia: 401: no"),
        ({"circuit_open": -1200}, {}, "operator nokia has failed for 20 minutes"),
        (
            {"quota_until": 60},
            {},
            "operator nokia gives no more subscriptions: its quota is reached",
        ),
        ({}, {"active": 7}, "subscriptions fleet: 3 of 10 do not live"),
        (
            {},
            {"next_end": 7200, "renewal_due": -7200},
            "subscriptions fleet: one ends in 2.0 hours and is not being renewed",
        ),
        (
            {},
            {"next_end": -7200, "renewal_due": -90000},
            "subscriptions fleet: one was to end 2.0 hours ago and is not being renewed",
        ),
        (
            {},
            {"unknown_since": -1200},
            "subscriptions fleet: for 20 minutes unknown whether one was created",
        ),
    ],
)
def test_what_is_wrong_is_said(
    valkey: Valkey, tmp_path: Path, state: dict[str, Any], of_set: dict[str, Any], said: str
) -> None:
    assert warned(valkey, tmp_path, state, **of_set) == [said]


def test_a_set_that_is_stopped_or_whose_devices_cannot_be_read_is_named(
    valkey: Valkey, tmp_path: Path
) -> None:
    fields = {"fleet:stopped": "refused 3 times: 400", "fleet:devices": "fleet.txt: line 3: no"}
    valkey.client().hset(SUBSCRIPTION_SETS, mapping=fields)  # type: ignore[arg-type]
    assert warned(valkey, tmp_path, {}) == [
        "subscriptions fleet: fleet.txt: line 3: no",
        "subscriptions fleet: stopped: refused 3 times: 400",
    ]


def test_the_web_process_is_ready_all_the_same(receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "receiver.toml").write_text(TOML)
    answer = receiver.start_web().get("/readyz")
    assert answer.status == 200
    assert NOBODY in answer.json()["warnings"]
