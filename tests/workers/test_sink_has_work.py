"""When the sweep has a sink's job begin: something can be sent, or is to be given up."""

import time
from typing import Any

import pytest

from receiver.contract.redis_keys import (
    EVENTS,
    MARKS,
    forward_group,
    retry_due,
    sink_parking,
    sink_state,
)
from receiver.runtime.scripts import load
from tests.support.valkey import Valkey

HOUR = 3_600_000
GROUP = forward_group("billing")
KEYS = (
    *(EVENTS, retry_due("billing"), sink_state("billing"), MARKS),
    sink_parking("billing"),
)


def rings(client: Any, tries: int = HOUR) -> bool:
    now = int(time.time() * 1000)
    return bool(
        client.eval(
            load("workers.maintenance", "sink_has_work"), 5, *KEYS, GROUP, tries, now, 30_000
        )
    )


@pytest.fixture
def client(valkey: Valkey) -> Any:
    """One event an hour and a half old, and the sink's group before it."""
    client: Any = valkey.client()
    client.xadd(EVENTS, {"event": "{}"}, id=f"{int(time.time() * 1000) - HOUR * 3 // 2}-0")
    client.xgroup_create(EVENTS, GROUP, id="0")
    return client


def test_a_sink_that_has_taken_everything_has_no_work(client: Any) -> None:
    assert rings(client)
    client.xreadgroup(GROUP, "me", {EVENTS: ">"})
    assert rings(client)
    client.xack(EVENTS, GROUP, *(one["message_id"] for one in pending(client)))
    assert not rings(client)


def pending(client: Any) -> list[Any]:
    return list(client.xpending_range(EVENTS, GROUP, "-", "+", 10))


@pytest.mark.parametrize(
    ("stopped_for", "tries", "work"),
    [
        (HOUR // 2, HOUR, False),  # stopped not long enough to give anything up
        (2 * HOUR, HOUR, True),
        (2 * HOUR, 7 * HOUR // 4, False),  # long enough, but the event is younger
    ],
)
def test_a_stopped_sink_has_work_only_where_an_event_is_to_be_given_up(
    client: Any, stopped_for: int, tries: int, work: bool
) -> None:
    stopped = int(time.time() * 1000) - stopped_for
    client.hset(sink_state("billing"), mapping={"stopped": "410", "stopped_at": stopped})
    assert rings(client, tries) is work


@pytest.mark.parametrize(
    ("due_in", "work"),
    [(-1000, True), (HOUR // 2, False), (2 * HOUR, True)],  # the last by a clock that was ahead
)
def test_a_retry_is_work_when_it_is_due(client: Any, due_in: int, *, work: bool) -> None:
    client.xgroup_setid(EVENTS, GROUP, "$")
    client.zadd(retry_due("billing"), {"1-1": int(time.time() * 1000) + due_in})
    assert rings(client) is work


@pytest.mark.parametrize(
    ("ends_in", "work"),
    [(20_000, False), (40_000, True)],  # a lease lasts 30 s
)
def test_a_leased_retry_is_work_only_where_its_lease_is_longer_than_one_can_be(
    client: Any, ends_in: int, *, work: bool
) -> None:
    client.xgroup_setid(EVENTS, GROUP, "$")
    client.zadd(retry_due("billing"), {"1-1": int(time.time() * 1000) + ends_in + 0.5})
    assert rings(client) is work


@pytest.mark.parametrize(
    ("paused_for", "work"), [(-1000, True), (HOUR // 2, False), (2 * HOUR, True)]
)
def test_while_a_sink_is_paused_no_retry_is_work(
    client: Any, paused_for: int, *, work: bool
) -> None:
    client.xgroup_setid(EVENTS, GROUP, "$")
    now = int(time.time() * 1000)
    client.zadd(retry_due("billing"), {"1-1": now - 1000})
    client.hset(sink_state("billing"), "open_until", now + paused_for)
    assert rings(client) is work


@pytest.mark.parametrize("strange", [b"garbage", b"", b"\xff\xfe", b"1-1"])
def test_a_pause_that_somebody_else_wrote_is_none(client: Any, strange: bytes) -> None:
    client.xgroup_setid(EVENTS, GROUP, "$")
    client.hset(sink_state("billing"), "open_until", strange)
    assert not rings(client)
    client.zadd(retry_due("billing"), {"1-1": 1})
    assert rings(client)


def test_what_is_new_is_no_work_while_older_events_are_parked(client: Any) -> None:
    client.hset(sink_parking("billing"), mapping={"total": 10, "returned": 9})
    assert not rings(client)
    client.zadd(retry_due("billing"), {"1-0": 1})
    assert rings(client)
    client.delete(retry_due("billing"))
    client.hset(sink_parking("billing"), "returned", 10)
    assert rings(client)
