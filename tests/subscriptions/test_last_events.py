"""What the events of a slot say of it: that it lives, and whether some are missing."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from receiver.contract.redis_keys import (
    EVENTS,
    SUBSCRIPTION_ATTEMPTS,
    SUBSCRIPTION_IDS,
    subscriptions_due,
    subscriptions_last_events,
)
from receiver.outbound import device_status
from receiver.outbound.device_status import DeviceStatus
from receiver.subscriptions import attempts, orphans, silence
from receiver.subscriptions.api_versions import RemoteSubscription
from receiver.subscriptions.context import Context
from receiver.subscriptions.controller import Controller
from receiver.subscriptions.last_events import LastEvents
from receiver.subscriptions.lifecycle_events import LifecycleEvents
from receiver.subscriptions.steps import run_step
from tests.support.controlling import event_of
from tests.support.subscribing import DAY, attempt, run, slot
from tests.support.valkey import Valkey

ROAMING = "device.roaming.changed.v1"
GARBAGE = (
    b'{"subscriptionId":"',
    b'["subscriptionId":""]',
    b'[{"subscriptionId":"s"}]',
    b'{"data": {"subscriptionId":"s"}}',
    b'{"type": 5, "data": {"subscriptionId":"s"}}',
    b'{"type": "a", "data": {"x": {"subscriptionId":"s"}}}',
    b'{"type": "a", "data": ["subscriptionId":"s"]}',
)


def event(event_type: str, **data: Any) -> bytes:
    return event_of("rs1", "s", event_type, **data)


async def read(context: Context, *events: bytes) -> None:
    store = context.store
    await store.write_field(SUBSCRIPTION_ATTEMPTS, "rs1", '["nokia","fleet","fleet:a",1]')
    found = LifecycleEvents(context)
    await found.load_position()
    for each in events:
        await store.client.xadd(EVENTS, {"event": each})
    await found.read_batch()


@pytest.mark.parametrize(
    ("event_type", "data", "kind", "state"),
    [
        ("device.reachability.changed.v1", {"reachable": False}, "reachability", "disconnected"),
        (ROAMING, {"roaming": True}, "roaming", "on"),
        (ROAMING, {"roaming": False}, "roaming", "off"),
        (ROAMING, {"roaming": None}, "roaming", ""),
        ("subscription.started.v1", {}, "roaming", ""),
    ],
)
def test_the_last_event_of_a_slot_is_known_to_the_next_controller(
    valkey: Valkey, tmp_path: Path, event_type: str, data: dict[str, Any], kind: Any, state: str
) -> None:
    async def steps(context: Context) -> None:
        found = slot(attempt(subscription="s"))
        await context.store.add_slots([found])
        await read(context, event(event_type, **data))
        later = LastEvents(context.store)
        await later.load({found.id: str(found.device)})
        assert abs(later.times["fleet:a"] - context.store.now()) < 60
        assert later.state(found, kind) == context.last.state(found, kind) == state
        await LastEvents(context.store).load({})
        assert not await context.store.client.exists(subscriptions_last_events("nokia"))

    run(valkey, tmp_path, steps)


def test_the_last_events_of_very_many_slots_are_read_and_dropped_a_part_at_a_time(
    valkey: Valkey, tmp_path: Path
) -> None:
    client: Any = valkey.client()
    many = {f"fleet:{number}": b'[1.0,"reachability","data"]' for number in range(3000)}
    client.hset(subscriptions_last_events("nokia"), mapping=many)

    async def steps(context: Context) -> None:
        await context.last.load(dict.fromkeys(many, "{}"))
        assert context.last.times == dict.fromkeys(many, 1.0)
        await context.last.load({})
        assert not await context.store.client.exists(subscriptions_last_events("nokia"))

    run(valkey, tmp_path, steps)
    stats = client.info("commandstats")
    assert "cmdstat_hgetall" not in stats
    assert stats["cmdstat_hdel"]["calls"] >= 6


ON, OFF = ({"roaming": value} for value in (True, False))
BY_DATA = {"reachable": True, "connectivity": ["DATA"]}
BOTH = ["SMS", "DATA"]


@pytest.mark.parametrize(
    ("event_type", "last", "now", "missing"),
    [
        ("roaming-on", OFF, DeviceStatus(roaming=True), True),
        ("roaming-status", OFF, DeviceStatus(roaming=True), True),
        ("roaming-status", ON, DeviceStatus(roaming=True), False),
        ("roaming-off", OFF, DeviceStatus(roaming=True), False),
        ("roaming-on", OFF, DeviceStatus(), False),
        ("reachability-sms", BY_DATA, DeviceStatus(reachable=True, connectivity=["SMS"]), True),
        ("reachability-sms", BY_DATA, DeviceStatus(reachable=True), False),  # nobody says how
        ("reachability-sms", BY_DATA, DeviceStatus(reachable=True, connectivity=BOTH), False),
        ("reachability-disconnected", BY_DATA, DeviceStatus(reachable=False), True),
        ("reachability-disconnected", BY_DATA, DeviceStatus(reachable=True), False),
    ],
)
def test_a_state_that_no_event_told_means_that_events_are_missing(
    valkey: Valkey,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    event_type: str,
    last: dict[str, Any],
    now: DeviceStatus,
    missing: bool,
) -> None:
    async def ask(*_: Any) -> DeviceStatus:
        return now

    kind = "roaming" if "roaming" in last else "reachability"
    urls = {kind: "https://a.invalid"}
    monkeypatch.setattr(device_status, "ask", ask)
    monkeypatch.setattr(device_status, "urls", lambda _: urls)

    async def steps(context: Context) -> None:
        context.api = type("Api", (), {"client": None})()
        found = slot(attempt(subscription="s"), type=event_type)
        assert not await silence._events_are_missing(context, found)
        context.last.note(found, f"device.{kind}.changed.v1", last)
        assert await silence._events_are_missing(context, found) is missing
        urls.clear()
        assert not await silence._events_are_missing(context, found)

    run(valkey, tmp_path, steps)


def test_what_is_no_event_of_ours_holds_up_none_that_is(valkey: Valkey, tmp_path: Path) -> None:
    async def steps(context: Context) -> None:
        await context.store.add_slots([slot(attempt(state="pending", subscription="s"))])
        await read(context, *GARBAGE, event("subscription.started.v1"))
        found = await context.store.read_slot("fleet:a")
        assert found
        assert found.state == "active"

    run(valkey, tmp_path, steps)


def test_an_event_does_not_change_the_id_that_the_operator_has_given(
    valkey: Valkey, tmp_path: Path
) -> None:
    async def steps(context: Context) -> None:
        await context.store.add_slots([slot(attempt(state="pending", subscription="given"))])
        await read(context, event("subscription.started.v1"))
        found = await context.store.read_slot("fleet:a")
        assert found
        assert [each.subscription for each in found.attempts] == ["given"]

    run(valkey, tmp_path, steps)


def test_a_list_that_shows_a_wrong_tag_does_not_make_an_orphan_of_one_that_a_slot_counts_on(
    valkey: Valkey, tmp_path: Path
) -> None:
    async def steps(context: Context) -> None:
        one = slot(attempt(subscription="s1"))
        other = slot(attempt(id="rs2", subscription="s2"), id="fleet:b")
        await context.store.add_slots([one, other])
        for number, name in (("1", "a"), ("2", "b")):
            entry = f'["nokia","fleet","fleet:{name}",1]'
            await context.store.write_field(SUBSCRIPTION_ATTEMPTS, f"rs{number}", entry)
            value = f"fleet:{name} rs{number}"
            await context.store.write_field(SUBSCRIPTION_IDS, f"nokia s{number}", value)
        sink = "https://hooks.example.com/camara/notifications/default?s="
        swapped = RemoteSubscription(id="s1", sink=f"{sink}rs2")
        assert await orphans.is_counted_on(context, swapped)
        assert not await orphans.is_counted_on(
            context, RemoteSubscription(id="s3", sink=f"{sink}rs2")
        )

    run(valkey, tmp_path, steps)


def test_an_answer_that_comes_after_the_first_event_tells_the_end_that_the_operator_gives(
    valkey: Valkey, tmp_path: Path
) -> None:
    async def steps(context: Context) -> None:
        now = context.store.now()
        asked = attempt(state="posting", ends=0, renew=0, created=now, asked_end=now + 30 * DAY)
        await context.store.add_slots([slot(asked)])
        await read(context, event("subscription.started.v1"))
        remote = RemoteSubscription(id="s", ends=now + DAY)
        await attempts.store_subscription(context, "fleet:a", "rs1", remote)
        found = await context.store.read_slot("fleet:a")
        assert found
        [one] = found.attempts
        assert (one.state, one.ends) == ("active", now + DAY)
        assert one.renew < now + DAY

    run(valkey, tmp_path, steps)


def test_a_fault_of_ours_in_one_slots_step_puts_off_that_slot_only(
    valkey: Valkey, tmp_path: Path
) -> None:
    async def fails() -> None:
        raise ValueError

    async def steps(context: Context) -> None:
        await context.store.add_slots([slot(), slot(id="fleet:b")])
        controller = Controller.__new__(Controller)
        controller.context = context
        controller._running = {asyncio.create_task(fails()): "fleet:a"}
        await controller._wait_for_any()
        key = subscriptions_due("nokia", 0)
        due = [await context.store.client.zscore(key, f"fleet:{name}") for name in "ab"]
        assert (due[0] or 0) > context.store.now() * 1000
        assert due[1] == 0

    run(valkey, tmp_path, steps)


@pytest.mark.parametrize(
    ("reason", "said"),
    [("NETWORK_TERMINATED", "NETWORK_TERMINATED"), ("+12065550100 withdrew", "(a text)")],
)
def test_a_reason_that_is_a_text_of_the_networks_is_in_no_log(
    valkey: Valkey, tmp_path: Path, reason: str, said: str
) -> None:
    async def steps(context: Context) -> None:
        found = slot(attempt(subscription="s"))
        await context.store.add_slots([found])
        await read(context, event("subscription.ended.v1", reason=reason))
        with capture_logs() as lines:
            await run_step(context, found.id)
        assert [(line["event"], line["reason"]) for line in lines] == [("subscription.ended", said)]

    run(valkey, tmp_path, steps)
