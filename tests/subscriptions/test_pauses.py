"""A set whose creations are refused alike, or end at once, rests until its pause is over."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from receiver.config.settings import load
from receiver.contract.redis_keys import SUBSCRIPTION_SETS, subscriptions_state
from receiver.subscriptions import ending, refusals
from receiver.subscriptions.context import Context
from receiver.subscriptions.creation_outcome import CreationOutcome
from receiver.subscriptions.lists import Lists
from receiver.subscriptions.slots import Attempt, Slot
from receiver.subscriptions.store import Store
from receiver.subscriptions.timing import Timing
from tests.doctor.test_doctor_subscriptions import TOML
from tests.support.controlling import Controlled
from tests.support.eventually import eventually
from tests.support.valkey import Valkey

SLOT = Slot(id="fleet:a", set="fleet", operator="nokia", listener="default", type="x", device={})


def run(valkey: Valkey, directory: Path, steps: Callable[[Context], Awaitable[None]]) -> None:
    """Run steps with a controller's context; no operator is asked."""
    (directory / "receiver.toml").write_text(TOML)
    settings = load({"RECEIVER_CONFIG": str(directory / "receiver.toml")})

    async def connected() -> None:
        async with Redis.from_url(valkey.url) as client:
            store = Store(client, "nokia", lambda _: None)
            assert await store.acquire_lease()
            api: Any = None
            context = Context(
                operator=settings.operators[0],
                sets={one.name: one for one in settings.subscriptions},
                public_url=settings.public_url,
                api=api,
                store=store,
                lists=Lists(api, store.now),
                timing=Timing(),
            )
            await steps(context)

    asyncio.run(connected())


async def stopped(context: Context) -> str:
    return await context.store.read_field(SUBSCRIPTION_SETS, "fleet:stopped")


def paused(context: Context) -> bool:
    return context.paused_until(SLOT, renewal=False) > context.store.now()


async def refused(context: Context) -> None:
    outcome = CreationOutcome(kind="set_refused", error="400 INVALID_ARGUMENT")
    await refusals.handle_refusal(context, SLOT, outcome)


def test_a_creation_that_had_begun_before_the_pause_does_not_end_it(
    valkey: Valkey, tmp_path: Path
) -> None:
    async def steps(context: Context) -> None:
        for _ in range(3):
            await refused(context)
        context.note_creation("fleet")
        await context.end_pauses()
        assert paused(context)
        assert await stopped(context) == "refused 3 times: 400 INVALID_ARGUMENT"
        context.store._ahead += 3601
        await context.end_pauses()
        assert not paused(context)
        assert await stopped(context) == ""
        await refused(context)  # none has been created since, so one is enough
        assert paused(context)

    run(valkey, tmp_path, steps)


def test_a_creation_between_refusals_says_that_the_set_is_all_right(
    valkey: Valkey, tmp_path: Path
) -> None:
    async def steps(context: Context) -> None:
        for _ in range(4):
            await refused(context)
            await refused(context)
            context.note_creation("fleet")
        assert not paused(context)

    run(valkey, tmp_path, steps)


def test_a_creation_does_not_end_the_pause_of_a_set_whose_subscriptions_end_at_once(
    valkey: Valkey, tmp_path: Path
) -> None:
    async def steps(context: Context) -> None:
        for _ in range(3):
            await ending._count_early_end(context, "fleet", early=True)
        context.note_creation("fleet")
        assert paused(context)
        assert "ended within a minute" in await stopped(context)

    run(valkey, tmp_path, steps)


def test_a_pause_outlives_its_controller_and_ends_at_its_time(
    valkey: Valkey, tmp_path: Path
) -> None:
    async def first(context: Context) -> None:
        await context.pause_set("fleet", "why", 600)
        await context.hold_new_ones()
        await context.store.release_lease()

    async def second(context: Context) -> None:
        await context.load_pauses()
        assert context.paused_sets["fleet"] > context.store.now() + 590
        assert context.quota_until > context.store.now() + 3590
        assert await stopped(context) == "why"
        await context.end_pauses(early=True)
        assert not paused(context)
        assert await stopped(context) == ""

    run(valkey, tmp_path, first)
    run(valkey, tmp_path, second)


@pytest.mark.parametrize("room", [True, False])
def test_room_that_a_predecessor_leaves_is_its_successors(
    valkey: Valkey, tmp_path: Path, room: bool
) -> None:
    async def steps(context: Context) -> None:
        fields = {"id": "rs1", "generation": 1, "digest": "", "created": 0, "asked_end": 9e9}
        lives = Attempt(state="active", **cast(Any, fields))
        slot = Slot(**cast(Any, {**structs(SLOT), "attempts": [lives], "no_room": not room}))
        await context.store.add_slots([slot])
        await ending.mark_for_deletion(context, slot.id, "rs1")
        assert paused(context) is not room
        assert context.paused_until(SLOT, renewal=True) == 0
        state = subscriptions_state("nokia")
        assert bool(await context.store.read_field(state, "quota_until")) is not room

    run(valkey, tmp_path, steps)


def structs(slot: Slot) -> dict[str, Any]:
    return {name: getattr(slot, name) for name in slot.__struct_fields__}


def test_what_was_stopped_is_tried_at_once_when_it_is_mended_and_applied(fleet: Controlled) -> None:
    fleet.operator.control(
        "faults", operation="create", effect="status", status=400, code="INVALID_ARGUMENT", times=0
    )
    fleet.start()
    sets = "receiver:subscriptions:sets"
    eventually(lambda: fleet.redis.hget(sets, "fleet:stopped"))
    eventually(lambda: fleet.states() == ["refused"] * 3)
    fleet.operator.control("clear-faults")
    fleet.order(do="apply")
    fleet.settled()
    assert fleet.redis.hget(sets, "fleet:stopped") is None
