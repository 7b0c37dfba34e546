"""A `receiver.toml` that is changed between two controllers: what it says counts for what lives."""

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from receiver.config.settings import load
from receiver.contract.redis_keys import (
    SUBSCRIPTION_SETS,
    SUBSCRIPTIONS,
    subscriptions_lease,
    subscriptions_orders,
    subscriptions_state,
)
from receiver.simulate.operator.scenario import Scenario
from receiver.subscriptions.context import Context
from receiver.subscriptions.controller import Controller
from receiver.subscriptions.slots import decode, encode
from tests.support.controlling import DEVICES, Controlled
from tests.support.dying_controller import USUAL
from tests.support.eventually import eventually
from tests.support.operators import simulated
from tests.support.subscribing import TOML, attempt, run, slot
from tests.support.valkey import Valkey

OTHER = "/camara/notifications/other"
ANOTHER = ("+12065550107", "+12065550108", "+12065550109")


def changed(fleet: Controlled) -> None:
    """Let a controller with the new file take the place of the one that runs."""
    [*_, process] = fleet._processes
    process.terminate()
    assert process.wait(60) == 0
    fleet.start()


def searched(fleet: Controlled) -> None:
    """Wait until all orders are done, and what was due then is done too."""
    eventually(lambda: not fleet.redis.exists(subscriptions_orders("sim")))
    lists = fleet.requests()["list 200"]
    eventually(lambda: fleet.requests()["list 200"] >= lists + 3)


def test_silent_hours_that_are_set_later_count_for_what_lives(fleet: Controlled) -> None:
    fleet.start()
    fleet.settled()
    fleet.more = "silent_hours = 0.0003"
    changed(fleet)
    before = fleet.requests()["get 200"]
    eventually(lambda: fleet.requests()["get 200"] >= before + 3, within=30)


@pytest.mark.parametrize("renewal", ["overlap", "replace"])
def test_what_is_declared_no_more_lives_to_its_end_and_is_renewed_once_it_is_again(
    fleet: Controlled, renewal: str
) -> None:
    fleet.of_operator = f'renewal = "{renewal}"'
    fleet.start()
    fleet.settled()
    first = fleet.ids()
    fleet.name = "another"
    fleet.wants(ANOTHER[0])
    changed(fleet)
    fleet.settled(*DEVICES, ANOTHER[0])
    fleet.renew()
    searched(fleet)
    assert first <= fleet.ids()
    fleet.name = "fleet"
    fleet.wants(*DEVICES)
    changed(fleet)
    eventually(lambda: not first & fleet.ids(), within=30)


def test_no_subscription_makes_room_for_a_successor_while_its_set_is_stopped(
    fleet: Controlled,
) -> None:
    fleet.of_operator = 'renewal = "replace"'
    fleet.start()
    fleet.settled()
    first = fleet.ids()
    refusal = {"effect": "status", "status": 400, "code": "INVALID_ARGUMENT", "times": 0}
    fleet.operator.control("faults", operation="create", **refusal)
    fleet.wants(*DEVICES, *ANOTHER)
    eventually(lambda: fleet.redis.hget(SUBSCRIPTION_SETS, "fleet:stopped"))
    fleet.renew()
    searched(fleet)
    assert fleet.ids() == first
    fleet.operator.control("clear-faults")
    fleet.order(do="apply")
    eventually(lambda: not first & fleet.ids())
    fleet.settled(*DEVICES, *ANOTHER)


def test_another_base_url_has_successors_made_there_at_once(fleet: Controlled) -> None:
    fleet.secret |= {USUAL: "1"}  # the operator's list is read an hour later
    fleet.start()
    fleet.settled()
    with simulated(Scenario(seed=2)) as fleet.operator:  # whose ids are others
        changed(fleet)
        eventually(lambda: len(fleet.live()) == len(DEVICES), within=30)
        changed(fleet)
        eventually(lambda: fleet.states() == ["active"] * len(DEVICES))
        assert fleet.requests()["create 201"] == len(DEVICES)


def test_another_base_url_is_tried_at_once_whatever_the_one_before_refused(
    fleet: Controlled,
) -> None:
    fleet.secret |= {USUAL: "1"}
    refusal = {"effect": "status", "status": 404, "code": "NOT_FOUND", "times": 0}
    fleet.operator.control("faults", operation="create", **refusal)
    fleet.start()
    eventually(lambda: fleet.redis.hget(SUBSCRIPTION_SETS, "fleet:stopped"))
    with simulated(Scenario(seed=2)) as fleet.operator:
        changed(fleet)
        eventually(lambda: len(fleet.live()) == len(DEVICES), within=30)


@pytest.mark.parametrize("stops", [False, True])
def test_another_url_is_gone_over_to_however_long_that_takes_unless_it_is_to_stop(
    valkey: Valkey, tmp_path: Path, stops: bool
) -> None:
    (tmp_path / "receiver.toml").write_text(TOML)
    settings = load({"RECEIVER_CONFIG": str(tmp_path / "receiver.toml"), "REDIS_URL": valkey.url})
    client: Any = valkey.client()
    many = [slot(attempt(), id=f"fleet:{number}") for number in range(5)]
    client.hset(SUBSCRIPTIONS, mapping={one.id: encode(one) for one in many})
    client.hset(subscriptions_state("nokia"), "public_url", "https://before.example.com")

    def renewed() -> int:
        stored = [decode(one).attempts[0].renew for one in client.hvals(SUBSCRIPTIONS)]
        return sum(renew != attempt().renew for renew in stored)

    async def begin() -> None:
        api: Any = None
        stopping = lambda: stops and renewed() == 1  # noqa: E731
        controller = Controller(settings, settings.operators[0], api, stopping)
        store: Any = controller.context.store
        update, key = store.update_slot, subscriptions_lease("nokia")

        async def slowly(*words: Any) -> Any:
            """As on a busy machine, where thousands of slots take longer than the lease lasts."""
            done = await update(*words)
            store._held_until -= 10
            client.pexpire(key, client.pttl(key) - 10_000)
            return done

        store.update_slot = slowly
        assert await store.acquire_lease()
        await controller._load_state()
        await store.client.aclose()

    asyncio.run(begin())
    assert renewed() == (1 if stops else len(many))


def test_what_is_declared_again_with_another_listener_sends_there(fleet: Controlled) -> None:
    fleet.start()
    fleet.settled()
    refusal = {"effect": "status", "status": 403, "times": 0}
    fleet.operator.control("faults", operation="delete", **refusal)
    fleet.wants(DEVICES[0])
    fleet.order(do="apply", yes=True)
    eventually(lambda: [slot.wanted for slot in fleet.slots()].count(False) == 2)
    fleet.more = 'listener = "other"'
    fleet.wants(*DEVICES)
    changed(fleet)
    fleet.operator.control("clear-faults")
    fleet.settled()
    eventually(lambda: {urlsplit(each["sink"]).path for each in fleet.live()} == {OTHER}, within=30)


def test_what_is_due_sooner_is_stored_a_part_at_a_time_and_holds_up_no_notification(
    valkey: Valkey, tmp_path: Path
) -> None:
    client: Any = valkey.client()
    many = [slot(id=f"fleet:{number}") for number in range(3_000)]
    client.hset(SUBSCRIPTIONS, mapping={one.id: encode(one) for one in many})

    async def steps(context: Context) -> None:
        await context.store.bring_forward()
        assert len(await context.store.due_slots(len(many) + 1)) == len(many)

    run(valkey, tmp_path, steps)
    assert client.info("commandstats")["cmdstat_zadd"]["calls"] >= 6
