"""Histories of each protocol, and its scripts broken on purpose. `make soak` runs 100,000."""

import os
from collections.abc import Iterator

import pytest
import uvloop
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from redis.exceptions import ResponseError

from tests.models import breakages, draws
from tests.models.breakages import Breakage
from tests.models.inbound import InboundHistories
from tests.models.said import Said
from tests.models.sink import SinkHistories
from tests.models.subscriptions import SubscriptionHistories
from tests.models.world import World, world

SUITE: dict[type[RuleBasedStateMachine], int] = {
    InboundHistories: 60,
    SinkHistories: 60,
    SubscriptionHistories: 30,
}
"""How many histories of each the suite runs."""
MANY = int(os.environ.get("HISTORIES", "100000"))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world() as it:
        loop = uvloop.new_event_loop()
        InboundHistories.world = SinkHistories.world = SubscriptionHistories.world = it
        InboundHistories.loop = SubscriptionHistories.loop = loop
        SubscriptionHistories.directory = tmp_path_factory.mktemp("models")
        yield it
        loop.close()


def histories(
    machine: type[RuleBasedStateMachine], count: int, *, random: bool, shrunk: bool = True
) -> settings:
    """So many; not random: the same ones each time, or a commit would fail for another's fault."""
    return settings(
        max_examples=count,
        # A step of a controller is many requests.
        stateful_step_count=20 if machine is SubscriptionHistories else 40,
        derandomize=not random,
        backend=draws.NAME if random else "hypothesis",
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        phases=list(Phase) if shrunk else [Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.parametrize("machine", SUITE)
def test_every_history_agrees_with_its_model(
    shared: World, machine: type[RuleBasedStateMachine]
) -> None:
    run_state_machine_as_test(machine, settings=histories(machine, SUITE[machine], random=False))


def test_what_redis_has_forgotten_takes_no_place_of_what_is_parked_later(shared: World) -> None:
    """Shrunk from a history that failed: a host whose first file had begun to come back."""
    told = SinkHistories()
    told.park_and_give_back(by=0, again=False, trouble="", then="")
    told.lose_marks_and_old_age()
    told.park_and_give_back(by=0, again=False, trouble="", then="")
    told.park_and_give_back(by=0, again=False, trouble="", then="forgotten")
    told.replay_what_is_open(action="retry")
    told.park_and_give_back(by=0, again=False, trouble="killed before", then="")
    told.teardown()


def test_what_is_read_again_behind_something_newer_comes_out_once(shared: World) -> None:
    """Shrunk from a history that failed: the group is set back between two reads of one batch."""
    told = InboundHistories()
    bare = Said("bare", 0, "")
    told.append(by=0, says=[Said("message", 0, "")], refused=0, fate="answered")
    told.sweep_with_a_clock_ahead(which="server", again=True, says=bare)
    told.read(by=1, count=1)
    told.stranger(how="set to 0")
    told.overtake(then="")
    told.teardown()


@pytest.mark.soak
@pytest.mark.parametrize("machine", SUITE)
def test_many_new_histories_agree_with_their_models(
    shared: World, machine: type[RuleBasedStateMachine]
) -> None:
    run_state_machine_as_test(machine, settings=histories(machine, MANY // 3, random=True))


BROKEN = [
    *((InboundHistories, one) for one in breakages.INBOUND),
    *((SinkHistories, one) for one in breakages.SINK),
    *((SubscriptionHistories, one) for one in breakages.SUBSCRIPTIONS),
]


@pytest.mark.soak
@pytest.mark.parametrize(
    ("machine", "breakage"), BROKEN, ids=[f"{one.script}: {one.was[:40]}" for _, one in BROKEN]
)
def test_a_script_that_is_broken_is_found(
    shared: World, machine: type[RuleBasedStateMachine], breakage: Breakage
) -> None:
    shared.breakage = breakage
    try:
        shared.check_breakage()
        told = histories(machine, 2_000, random=True, shrunk=False)
        with pytest.raises((AssertionError, ResponseError, ValueError)):
            run_state_machine_as_test(machine, settings=told)
    finally:
        shared.breakage = None
