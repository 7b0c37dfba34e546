"""120 histories of the protocols, and its scripts broken on purpose. `make soak` tells 100,000."""

import asyncio
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from redis.exceptions import ResponseError

from tests.models import breakages
from tests.models.breakages import Breakage
from tests.models.inbound import InboundHistories
from tests.models.sink import SinkHistories
from tests.models.world import World, world

MACHINES: list[type[RuleBasedStateMachine]] = [InboundHistories, SinkHistories]
MANY = int(os.environ.get("HISTORIES", "100000"))


@pytest.fixture(scope="module")
def shared() -> Iterator[World]:
    with world() as it:
        loop = asyncio.new_event_loop()
        InboundHistories.world = SinkHistories.world = it
        InboundHistories.loop = loop
        yield it
        loop.close()


def histories(count: int, *, random: bool, shrunk: bool = True) -> settings:
    """So many; not random: the same ones each time, or a commit would fail for another's fault."""
    return settings(
        max_examples=count,
        stateful_step_count=40,
        derandomize=not random,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        phases=list(Phase) if shrunk else [Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.parametrize("machine", MACHINES)
def test_histories(shared: World, machine: type[RuleBasedStateMachine]) -> None:
    run_state_machine_as_test(machine, settings=histories(60, random=False))


@pytest.mark.soak
@pytest.mark.parametrize("machine", MACHINES)
def test_many_histories(shared: World, machine: type[RuleBasedStateMachine]) -> None:
    run_state_machine_as_test(machine, settings=histories(MANY // 2, random=True))


BROKEN = [
    *((InboundHistories, one) for one in breakages.INBOUND),
    *((SinkHistories, one) for one in breakages.SINK),
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
        with pytest.raises((AssertionError, ResponseError)):
            run_state_machine_as_test(machine, settings=histories(2_000, random=True, shrunk=False))
    finally:
        shared.breakage = None
