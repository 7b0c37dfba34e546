"""A search for orphans that takes long holds up nothing of what else a controller does."""

import subprocess

from tests.support.controlling import Controlled
from tests.support.eventually import eventually

MANY = [f"+1206555{number:04}" for number in range(12)]
ANOTHER = "+12065550199"


def searching(fleet: Controlled) -> "subprocess.Popen[bytes]":
    """A controller that has begun to delete what Redis has lost, which takes two seconds each."""
    fleet.wants(*MANY)
    process = fleet.start()
    fleet.settled(*MANY)
    fleet.operator.control("faults", operation="delete", effect="slow", delay=2, times=0)
    fleet.redis.flushall()
    eventually(lambda: fleet.requests()["delete 204"])
    return process


def left(fleet: Controlled) -> int:
    """How many live that are still to be deleted."""
    return len(fleet.live()) - len(set(fleet.phones()))


def test_while_many_orphans_are_deleted_a_change_of_the_devices_counts(fleet: Controlled) -> None:
    searching(fleet)
    fleet.wants(*MANY, ANOTHER)
    eventually(lambda: ANOTHER in fleet.phones())
    assert left(fleet) > len(MANY) / 2
    fleet.operator.control("clear-faults")
    fleet.settled(*MANY, ANOTHER)


def test_a_controller_that_searches_ends_when_it_is_told(fleet: Controlled) -> None:
    process = searching(fleet)
    process.terminate()
    assert process.wait(60) == 0
    assert left(fleet) > len(MANY) / 2
