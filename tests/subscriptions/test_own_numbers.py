"""An operator each of whose APIs counts its subscriptions for itself: two have the same id."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from receiver.contract.redis_keys import SUBSCRIPTION_IDS, SUBSCRIPTIONS
from receiver.outbound import Answer
from receiver.subscriptions import orphans
from receiver.subscriptions.api import Api
from receiver.subscriptions.context import Context
from receiver.subscriptions.creation import create_subscription
from receiver.subscriptions.lists import Lists
from receiver.subscriptions.slots import Slot, slot_id
from receiver.subscriptions.timing import Timing
from tests.support.subscribing import attempt, run, slot
from tests.support.valkey import Valkey

REACHABILITY = "https://api.example.com/device-reachability-status-subscriptions/v0.8"
ROAMING = "https://api.example.com/device-roaming-status-subscriptions/v0.8"
AT_REACHABILITY = slot_id("fleet", "nokia", slot().device, "reachability-data")
AT_ROAMING = slot_id("fleet", "nokia", slot().device, "roaming-on")


class Counting:
    """Creates what it is asked for, under the next number of the API that the URL names."""

    def __init__(self) -> None:
        self.created: dict[str, list[dict[str, Any]]] = {}

    async def request(self, method: str, url: str, body: Any = None, **_: Any) -> Answer:
        base, _slash, name = url.partition("/subscriptions")
        known = self.created.setdefault(base, [])
        if method == "POST":
            config = body["config"]
            shown = {name: body[name] for name in ("sink", "types", "config")}
            shown["expiresAt"] = config["subscriptionExpireTime"]
            known.append({"id": len(known) + 1, **shown})
            return _answer(201, known[-1])
        assert (method, name) == ("GET", "")  # nothing is asked for by its number, or deleted
        return _answer(200, known)


class Forgetful(Counting):
    """Answers 404 to who asks for one that it has no more."""

    async def request(self, method: str, url: str, body: Any = None, **more: Any) -> Answer:
        base, _slash, name = url.partition("/subscriptions/")
        if method == "GET" and name and not self.created[base]:
            return _answer(404, {"code": "NOT_FOUND"})
        return await super().request(method, url, body, **more)


def _answer(status: int, document: Any) -> Answer:
    return Answer(status=status, headers={}, body=json.dumps(document).encode())


async def _create_one_at_each(context: Context, operator: Any) -> None:
    context.operator = msgspec.structs.replace(context.operator, roaming=ROAMING)
    context.api = Api(operator)
    context.lists = Lists(context.api, context.store.now)
    for one in (slot(id=AT_REACHABILITY), slot(id=AT_ROAMING, type="roaming-on")):
        await context.store.add_slots([one])
        await create_subscription(context, one)


@pytest.mark.parametrize("tag", [True, False])
def test_a_subscription_is_known_by_its_number_at_its_own_api_only(
    valkey: Valkey, tmp_path: Path, tag: bool
) -> None:
    operator = Counting()

    async def steps(context: Context) -> None:
        context.operator = msgspec.structs.replace(context.operator, sink_tag=tag)
        await _create_one_at_each(context, operator)
        slots = [found async for found in context.store.slots()]
        assert {found.id: _numbers(found) for found in slots} == {
            AT_REACHABILITY: ["1"],
            AT_ROAMING: ["1"],
        }
        await orphans.check_orphans(context)
        assert await context.store.read_state("orphans") == ""

    run(valkey, tmp_path, steps)
    assert [len(known) for known in operator.created.values()] == [1, 1]


@pytest.mark.parametrize(("api", "name"), [(REACHABILITY, AT_REACHABILITY), (ROAMING, AT_ROAMING)])
def test_what_one_api_has_lost_is_not_looked_for_at_the_other(
    valkey: Valkey, tmp_path: Path, api: str, name: str
) -> None:
    operator = Forgetful()

    async def steps(context: Context) -> None:
        context.timing = Timing(between_lists=0)
        await _create_one_at_each(context, operator)
        operator.created[api].clear()
        await orphans.check_orphans(context)
        checked = [found.id async for found in context.store.slots() if found.living[0].next]
        assert checked == [name]

    run(valkey, tmp_path, steps)


@pytest.mark.parametrize("swept", [False, True])
@pytest.mark.parametrize("others", ["none", "a set with the same device", "the set has moved"])
def test_a_subscription_outlives_the_slot_of_the_same_number_at_the_other_api(
    valkey: Valkey, tmp_path: Path, swept: bool, others: str
) -> None:
    operator = Counting()

    async def steps(context: Context) -> None:
        if others.startswith("a set"):
            one = context.sets["fleet"]
            context.sets = {"a": msgspec.structs.replace(one, name="a"), "fleet": one}
            same = slot_id("a", "nokia", slot().device, "reachability-data")
            lives = attempt(subscription="another", ends=9e9)
            await context.store.add_slots([slot(lives, id=same, set="a")])
        context.operator = msgspec.structs.replace(context.operator, sink_tag=False)
        await context.store.mark_controller()
        await _create_one_at_each(context, operator)
        if others.startswith("the set"):  # and what it has left waits for `apply --yes`
            context.sets, context.elsewhere = {}, frozenset({"fleet"})
        operator.created[ROAMING].clear()  # its type was taken out, it was deleted and its slot
        await context.store.client.hdel(SUBSCRIPTIONS, AT_ROAMING)
        if swept:  # some days later
            await context.store.client.hdel(SUBSCRIPTION_IDS, "nokia 1")
        for _ in range(3):
            await orphans.check_orphans(context)
        assert await context.store.read_state("orphans") == ""

    run(valkey, tmp_path, steps)
    assert len(operator.created[REACHABILITY]) == 1


def _numbers(found: Slot) -> list[str]:
    return [each.subscription for each in found.living]
