"""What one slot needs next, and when: from its record alone."""

import pytest

from receiver.subscriptions import clock_jumps, timing
from receiver.subscriptions.next_step import Policy, next_step
from receiver.subscriptions.slots import Slot
from tests.support.subscribing import DAY, attempt, slot

HOUR = 3600.0


def needs(found: Slot, policy: Policy | None = None) -> tuple[str, float]:
    step = next_step(found, policy or Policy())
    assert step
    return step.action, step.at


def test_a_successor_comes_first_and_where_there_is_no_room_for_it_as_late_as_possible() -> None:
    assert needs(slot(attempt())) == ("create", 3 * DAY)
    assert needs(slot(attempt(), rest=3.5 * DAY)) == ("create", 3.5 * DAY)
    waits = slot(attempt(), rest=3.5 * DAY, no_room=True)
    assert needs(waits) == ("create", 3.5 * DAY)
    waits.rest = 3.99 * DAY
    assert needs(waits) == ("mark_for_deletion", 4 * DAY - HOUR)
    short = slot(attempt(ends=HOUR, renew=HOUR / 2), rest=HOUR, no_room=True)
    assert needs(short) == ("mark_for_deletion", 0.75 * HOUR)


def test_where_there_is_no_room_the_successor_waits_until_its_predecessor_is_gone() -> None:
    leaves = attempt(state="deleting", delete=10)
    assert needs(slot(leaves, no_room=True, gap=5)) == ("delete", 10)
    assert needs(slot(leaves, gap=5)) == ("create", 0)
    assert needs(slot(gap=5, no_room=True)) == ("create", 0)


def test_a_renewal_comes_before_what_has_ended_then_new_ones_and_deletions_last() -> None:
    ends, ended, new = slot(attempt()), slot(gap=5), slot()
    leaves = slot(attempt(), wanted=False)
    steps = [next_step(each, Policy()) for each in (ends, ended, new, leaves)]
    assert [step and step.rank for step in steps] == [0, 1, 2, 3]


def test_one_that_has_ended_when_it_is_created_is_not_renewed_without_rest() -> None:
    assert timing.renewal_due(100, 50) == 160
    assert timing.renewal_due(100, 110) == 160
    assert timing.renewal_due(0, 4 * DAY) == 3 * DAY


@pytest.mark.parametrize("name", ["rest", "checked", "gap"])
def test_after_a_jump_back_no_time_of_a_slot_is_as_far_ahead_as_the_clock_was(name: str) -> None:
    now = 1000.0
    found = slot(**{name: now + DAY + 20})
    clock_jumps._shift_slot(found, now, DAY)
    assert getattr(found, name) == now + 20
    before = slot(**{name: 900.0})
    clock_jumps._shift_slot(before, now, DAY)
    assert getattr(before, name) == 900.0


def test_after_a_jump_back_what_waits_is_due_in_time_and_ends_stay() -> None:
    now = 10.0
    waits = attempt(created=DAY, next=DAY + 30, delete=DAY + 5, ends=5 * DAY, renew=4 * DAY)
    ordered = attempt(id="rs2", created=5, renew=DAY + 9, ends=4 * DAY)
    clock_jumps._shift_slot(slot(waits, ordered), now, DAY)
    assert (waits.created, waits.next, waits.delete) == (now, 30, 10)
    assert waits.ends == 5 * DAY
    assert 3.7 * DAY < waits.renew < 4 * DAY
    assert ordered.renew == now
