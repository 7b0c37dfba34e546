"""A set or an operator that is gone from receiver.toml while subscriptions of it live is named."""

import time
from pathlib import Path

import pytest

from receiver.cli.subscription_tables import describe_difference
from receiver.config.settings import Settings, load
from receiver.contract.redis_keys import SUBSCRIPTIONS
from receiver.doctor.subscriptions import left_behind
from receiver.outbound import FixedHeaders, OperatorClient
from receiver.subscriptions import overview
from receiver.subscriptions.api import Api
from receiver.subscriptions.context import Context
from receiver.subscriptions.lists import Lists
from receiver.subscriptions.next_step import Policy, next_step
from receiver.subscriptions.slots import Attempt, AttemptState, Slot, encode, slot_id
from receiver.subscriptions.steps import run_step
from tests.support.commands import run
from tests.support.controlling import DEVICES, Controlled
from tests.support.eventually import eventually
from tests.support.subscribing import TOML, attempt, slot
from tests.support.subscribing import run as run_context
from tests.support.valkey import Valkey

DEVICE = {"phoneNumber": "+12065550100"}


def settings(directory: Path) -> Settings:
    (directory / "receiver.toml").write_text(TOML)
    return load({"RECEIVER_CONFIG": str(directory / "receiver.toml")})


def lives(name: str, operator: str, ends: float = 3600) -> Slot:
    attempt = Attempt(
        id="rs1",
        state="active",
        generation=1,
        digest="",
        created=0,
        asked_end=time.time() + ends,
        subscription="s",
    )
    return Slot(
        id=slot_id(name, operator, DEVICE, "reachability-data"),
        set=name,
        operator=operator,
        listener="default",
        type="reachability-data",
        device=DEVICE,
        state="active",
        attempts=[attempt],
    )


def planned(known: Settings, *slots: Slot) -> dict[str, str]:
    operators = [one.name for one in known.operators]
    found = overview.plan(list(slots), known, time.time())
    assert not all(each.empty for each in found)
    return {
        f"{each.name}{'@' * bool(each.left_at)}{each.left_at}": describe_difference(each, operators)
        for each in found
    }


def said(known: Settings, *slots: Slot) -> list[tuple[str, str]]:
    return [(each.what, each.fix) for each in left_behind(known, list(slots), time.time())]


def test_a_set_that_is_not_declared_any_more(valkey: Valkey, tmp_path: Path) -> None:
    known = settings(tmp_path)
    old = lives("old", "nokia")
    said_of_old = planned(known, lives("fleet", "nokia"), old)["old@nokia"]
    assert said_of_old == (
        "not declared at 'nokia' any more: 1 to delete; the deletions wait for `apply --yes`"
    )
    [(what, fix)] = said(known, lives("fleet", "nokia"), old)
    assert what == (
        "the set old is not declared at the operator nokia any more, and has 1 subscriptions there"
    )
    assert fix.startswith("receiver subscriptions apply --yes")
    listed = overview.read_sets(valkey.client(), [old], known)
    assert [(one.name, one.left) for one in listed] == [
        ("fleet", ""),
        ("old", "receiver.toml does not declare it at 'nokia' any more"),
    ]


def test_an_operator_that_is_not_declared_any_more(valkey: Valkey, tmp_path: Path) -> None:
    known = settings(tmp_path)
    here, gone = lives("fleet", "nokia"), lives("old", "sim")
    assert planned(known, here, gone)["old@sim"] == (
        "receiver.toml has no [[operator]] 'sim' any more: 1 to delete, and nobody does; declare "
        "it again, then `apply --yes`"
    )
    [(what, fix)] = said(known, here, gone)
    assert what == "receiver.toml has no operator sim any more, where 1 subscriptions may live"
    assert fix == "declare [[operator]] sim again; then: receiver subscriptions apply --yes"
    [_, listed] = overview.read_sets(valkey.client(), [here, gone], known)
    assert listed.left == "receiver.toml has no [[operator]] 'sim' any more"
    over = lives("old", "sim", ends=-1)
    assert said(known, here, over) == []
    assert list(planned(known, over)) == ["fleet"]


def test_a_set_that_has_moved_is_to_be_created_at_its_new_operator_and_deleted_at_the_old_one(
    tmp_path: Path,
) -> None:
    known = settings(tmp_path)
    found = planned(known, lives("fleet", "sim"))
    assert found["fleet"] == "1 to create"
    assert found["fleet@sim"].startswith("receiver.toml has no [[operator]] 'sim'")


def test_what_is_left_at_an_operator_is_deleted_when_it_is_applied(fleet: Controlled) -> None:
    process = fleet.start()
    fleet.settled()
    process.terminate()
    assert process.wait(60) == 0
    fleet.redis.hset(SUBSCRIPTIONS, (gone := lives("old", "att")).id, encode(gone))
    fleet.more = "silent_hours = 0"  # which changes nothing
    fleet.name = "another"
    fleet.start()
    fleet.settled(*DEVICES, *DEVICES)
    examined = run(fleet.directory, "doctor", REDIS_URL=fleet.valkey.url, **fleet.secret)
    assert (
        "the set fleet is not declared at the operator sim any more, and has 3" in examined.stdout
    )
    assert "receiver.toml has no operator att any more, where 1" in examined.stdout
    fleet.order(do="apply", yes=True)
    fleet.settled()
    eventually(lambda: {slot.set for slot in fleet.slots()} == {"another", "old"})


@pytest.mark.parametrize("state", ["active", "pending", "unknown", "deleting"])
def test_what_is_left_at_an_api_whose_url_is_gone_is_let_go_when_it_must_have_ended(
    valkey: Valkey, tmp_path: Path, state: AttemptState
) -> None:
    async def steps(context: Context) -> None:
        now = context.store.now()
        left = attempt(state=state, subscription="s", created=now - 9, ends=now + 1, asked_end=now)
        gone = slot(left, type="roaming-on", wanted=False)  # the operator has no `roaming`
        await context.store.add_slots([gone])
        async with OperatorClient(FixedHeaders({"x-key": "a"})) as client:
            context.api = Api(client)
            context.lists = Lists(context.api, context.store.now)
            for _ in range(3):
                await run_step(context, gone.id)
            assert await context.store.read_slot(gone.id)
            context.store._ahead += 700
            for _ in range(3):
                await run_step(context, gone.id)
        assert await context.store.read_slot(gone.id) is None

    run_context(valkey, tmp_path, steps)


def test_nothing_is_asked_of_an_api_whose_url_is_gone() -> None:
    assert next_step(slot(attempt()), Policy(asks=False)) is None
    assert next_step(slot(), Policy(asks=False)) is None
