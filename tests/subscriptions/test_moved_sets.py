"""A set that has moved to another operator, while something of it is left at the one before."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from receiver.config.settings import Settings, load
from receiver.contract.redis_keys import SUBSCRIPTION_SETS, SUBSCRIPTIONS, subscriptions_state
from receiver.doctor.subscriptions import how_they_stand
from receiver.metrics import snapshot
from receiver.metrics.exposition import exposition
from receiver.outbound import FixedHeaders, OperatorClient
from receiver.subscriptions import operator_state, overview
from receiver.subscriptions.api import Api
from receiver.subscriptions.context import Context
from receiver.subscriptions.reconcile import Reconciler
from receiver.subscriptions.report import Report
from receiver.subscriptions.slots import encode
from tests.support.subscribing import TOML, attempt, run, slot
from tests.support.valkey import Valkey

OPERATOR = TOML[TOML.index("[[operator]]") : TOML.index("[[subscription]]")]
MOVED = TOML.replace("[[subscription]]", OPERATOR.replace("nokia", "old") + "[[subscription]]")
LEFT = slot(attempt(), operator="old", state="active")


def settings(directory: Path) -> Settings:
    (directory / "receiver.toml").write_text(MOVED)
    return load({"RECEIVER_CONFIG": str(directory / "receiver.toml")})


def test_the_operator_before_does_not_write_over_what_is_noted_of_the_set(
    valkey: Valkey, tmp_path: Path
) -> None:
    async def steps(context: Context) -> None:
        noted = {"fleet:devices": "fleet.txt: line 3: wrong", "fleet:deletions": "7"}
        for name, value in noted.items():
            await context.store.write_field(SUBSCRIPTION_SETS, name, value)
        await context.store.add_slots([slot(attempt(), state="active")])
        context.sets, context.elsewhere = {}, frozenset({"fleet"})
        await Reconciler(context).run()
        for name, value in noted.items():
            assert await context.store.read_field(SUBSCRIPTION_SETS, name) == value

    run(valkey, tmp_path, steps)


def test_a_set_that_the_operator_before_had_refused_is_tried_at_once_at_another(
    valkey: Valkey, tmp_path: Path
) -> None:
    async def steps(context: Context) -> None:
        await context.store.add_slots([slot(id="fleet:b", operator="old")])
        await context.pause_set("fleet", "400 INVALID_ARGUMENT, three times", 3600)
        context.paused_sets.clear()
        await context.load_pauses()  # as the controller of the operator that it has moved to
        assert context.paused_until(slot(), renewal=False)
        await Reconciler(context).run()
        assert not context.paused_until(slot(), renewal=False)
        assert await context.store.read_field(SUBSCRIPTION_SETS, "fleet:stopped") == ""
        await context.pause_set("fleet", "400 INVALID_ARGUMENT, three times", 3600)
        await Reconciler(context).run()
        assert context.paused_until(slot(), renewal=False)

    run(valkey, tmp_path, steps)


def test_a_set_that_comes_back_to_what_lives_is_not_stopped_by_what_refused_it_elsewhere(
    valkey: Valkey, tmp_path: Path
) -> None:
    async def steps(context: Context) -> None:
        await context.store.add_slots([slot(attempt(), state="active")])
        here = context.operator
        for operator, stopped in ((msgspec.structs.replace(here, name="old"), False), (here, True)):
            context.operator = operator
            await context.pause_set("fleet", "400 INVALID_ARGUMENT, three times", 3600)
            context.operator = here
            context.paused_sets.clear()
            await context.load_pauses()
            assert bool(context.paused_until(slot(), renewal=True)) == stopped
            said = await context.store.read_field(SUBSCRIPTION_SETS, "fleet:stopped")
            assert bool(said) == stopped

    run(valkey, tmp_path, steps)


def test_what_waits_to_be_deleted_at_the_operator_before_is_counted_there(
    valkey: Valkey, tmp_path: Path
) -> None:
    client = valkey.client()
    client.hset(SUBSCRIPTIONS, LEFT.id, encode(LEFT))
    client.hset(SUBSCRIPTION_SETS, "fleet:devices", "fleet.txt: line 3: wrong")
    found = overview.read_sets(client, overview.read_slots(client), settings(tmp_path))
    assert [(one.operator, one.deletions, one.devices) for one in found] == [
        ("nokia", 0, "fleet.txt: line 3: wrong"),
        ("old", 1, ""),
    ]


@pytest.mark.parametrize("first", ["nokia", "old"])
def test_metrics_count_what_is_wanted_at_both(valkey: Valkey, tmp_path: Path, first: str) -> None:
    client = valkey.client()
    lives: dict[str, Any] = {"wanted": 10, "active": 9, "states": {"active": 9, "failing": 1}}
    for name, counted in {"nokia": lives, "old": {"next_end": 5e9}}.items():
        sets = json.dumps([{"name": "fleet", "operator": name, **counted}])
        client.hset(subscriptions_state(name), "sets", sets)
    names = sorted(("nokia", "old"), key=lambda name: name != first)
    state = snapshot.read(client, (), names)
    page = exposition(state, None, settings(tmp_path), ready=True).decode()
    assert 'receiver_subscriptions_wanted{set="fleet"} 10.0' in page
    assert 'receiver_subscriptions_active{set="fleet"} 9.0' in page
    assert 'receiver_subscriptions{set="fleet",state="failing"} 1.0' in page
    assert 'receiver_subscriptions_next_end_seconds{set="fleet"} +Inf' not in page


@pytest.mark.parametrize("first", ["nokia", "old"])
def test_what_has_ended_at_the_operator_before_is_missed_by_nobody(
    valkey: Valkey, tmp_path: Path, first: str
) -> None:
    client = valkey.client()
    lives: dict[str, Any] = {"wanted": 10, "active": 10, "states": {"active": 10}}
    left: dict[str, Any] = {"wanted": 10, "active": 1, "states": {"active": 1, "refused": 9}}
    left |= {"left": "declared there no more", "next_end": 5e9, "renewal_due": 5.0}
    for name, counted in {"nokia": lives, "old": left}.items():
        sets = json.dumps([{"name": "fleet", "operator": name, **counted}])
        client.hset(subscriptions_state(name), "sets", sets)
    names = sorted(("nokia", "old"), key=lambda name: name != first)
    state = snapshot.read(client, (), names)
    page = exposition(state, None, settings(tmp_path), ready=True).decode()
    for name in ("wanted", "active"):
        assert f'receiver_subscriptions_{name}{{set="fleet"}} 11.0' in page
    assert 'receiver_subscriptions{set="fleet",state="refused"} 0.0' in page
    assert 'receiver_subscriptions_renewal_overdue_seconds{set="fleet"} 0.0' in page
    assert 'receiver_subscriptions_deletions_waiting{set="fleet"} 10.0' in page
    said = [str(each) for each in how_they_stand(settings(tmp_path), state)]
    assert not any("do not live" in each or "are refused" in each for each in said)


@pytest.mark.parametrize("moved", [True, False])
def test_metrics_and_doctor_count_what_waits_to_be_deleted_at_the_operator_before(
    valkey: Valkey, tmp_path: Path, moved: bool
) -> None:
    unreadable = "fleet.txt: line 3: wrong"

    async def steps(context: Context) -> None:
        await context.store.add_slots([slot(attempt(), state="active")])
        if moved:  # as the set's operator of now has noted
            await context.store.write_field(SUBSCRIPTION_SETS, "fleet:devices", unreadable)
        context.sets, context.elsewhere = {}, frozenset({"fleet"} if moved else ())
        async with OperatorClient(FixedHeaders({"x-key": "a"})) as client:
            context.api = Api(client)
            await Reconciler(context).run()
            await Report(context).write()

    run(valkey, tmp_path, steps)
    client = valkey.client()
    (found,) = operator_state.read(client, ["nokia"])
    assert [(one.deletions, one.devices) for one in found.sets] == [(1, "")]
    there = json.dumps([{"name": "fleet", "operator": "there"}] if moved else [])
    client.hset(subscriptions_state("there"), "sets", there)
    state = snapshot.read(client, (), ["nokia", "there"])
    page = exposition(state, None, settings(tmp_path), ready=True).decode()
    assert 'receiver_subscriptions_deletions_waiting{set="fleet"} 1.0' in page
    assert f'receiver_subscriptions_devices_unreadable{{set="fleet"}} {float(moved)}' in page
