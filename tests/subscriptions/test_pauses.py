"""A set whose creations are refused alike, or end at once, rests until its pause is over."""

from pathlib import Path

import pytest

from receiver.contract.redis_keys import SUBSCRIPTION_SETS, subscriptions_state
from receiver.subscriptions import attempts, clock_jumps, ending, refusals
from receiver.subscriptions.context import Context
from receiver.subscriptions.creation_outcome import CreationOutcome
from receiver.subscriptions.timing import DAY, Timing
from tests.support.controlling import Controlled
from tests.support.eventually import eventually
from tests.support.subscribing import attempt, run, slot
from tests.support.valkey import Valkey

SLOT = slot()


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
            await ending.count_early_end(context, "fleet", early=True)
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
        await context.end_pauses(early=True)  # as `apply` does: no doctor goes by it any more
        await context.load_pauses()
        assert not paused(context)
        assert await stopped(context) == ""
        assert not await context.store.read_field(subscriptions_state("nokia"), "quota_until")

    run(valkey, tmp_path, first)
    run(valkey, tmp_path, second)


@pytest.mark.parametrize("room", [True, False])
def test_room_that_a_predecessor_leaves_is_its_successors(
    valkey: Valkey, tmp_path: Path, room: bool
) -> None:
    async def steps(context: Context) -> None:
        found = slot(attempt(), no_room=not room)
        await context.store.add_slots([found])
        await ending.mark_for_deletion(context, found.id, "rs1")
        assert paused(context) is not room
        assert context.paused_until(SLOT, renewal=True) == 0
        state = subscriptions_state("nokia")
        assert bool(await context.store.read_field(state, "quota_until")) is not room

    run(valkey, tmp_path, steps)


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


@pytest.mark.parametrize(("said", "failures", "least"), [(0.0, 6, 5), (0.0, 0, 5), (9.0, 0, 9)])
def test_a_creation_waits_for_what_the_operator_asks_and_never_for_nothing(
    valkey: Valkey, tmp_path: Path, said: float, failures: int, least: float
) -> None:
    async def steps(context: Context) -> None:
        context.timing = Timing(first_backoff=10, longest_backoff=10)
        one = slot(attempt(state="posting", ends=0), failures=failures)
        await context.store.add_slots([one])
        outcome = CreationOutcome(kind="retry", error="429 TOO_MANY_REQUESTS", wait=said)
        wait = await refusals.handle_refusal(context, one, outcome)
        await attempts.withdraw_attempt(context, one.id, "rs1", outcome, wait)
        after = await context.store.read_slot(one.id)
        assert after
        assert context.store.now() + least - 1 < after.rest < context.store.now() + 11

    run(valkey, tmp_path, steps)


def test_one_device_that_is_refused_every_day_does_not_stop_its_set(
    valkey: Valkey, tmp_path: Path
) -> None:
    async def steps(context: Context) -> None:
        for _ in range(5):
            await refused(context)
            context.store._ahead += 86_400
        assert not paused(context)
        assert await stopped(context) == ""

    run(valkey, tmp_path, steps)


def test_what_a_clock_ahead_has_stored_is_no_longer_for_the_next_controller(
    valkey: Valkey, tmp_path: Path
) -> None:
    async def steps(context: Context) -> None:
        for _ in range(3):
            await refused(context)
        await context.hold_new_ones()
        context.last.note(SLOT, "device.reachability.changed.v1", {"reachable": False})
        await context.last.write()
        context.store._ahead -= DAY
        await clock_jumps.shift_times(context, DAY)
        await context.load_pauses()
        longest = context.store.now() + 3600
        assert context.store.now() < context.paused_until(SLOT, renewal=False) <= longest
        assert context.store.now() < context.quota_until <= longest
        await context.last.load({SLOT.id: str(SLOT.device)})
        assert context.last.times[SLOT.id] <= context.store.now()

    run(valkey, tmp_path, steps)
