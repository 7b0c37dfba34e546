"""What lives at an operator and is not in this Redis: lost with it, or another receiver's."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.contract.redis_keys import subscriptions_state
from receiver.subscriptions import operator_state
from tests.support.controlling import DEVICES, Controlled, controlled
from tests.support.eventually import eventually
from tests.support.operators import Simulated, Sink
from tests.support.subscriptions_command import command, command_line
from tests.support.valkey import Valkey

ANOTHER = "+12065550109"


@pytest.fixture
def other(operator: Simulated, sink: Sink, tmp_path: Path) -> Iterator[Controlled]:
    """Another receiver with the same public_url, and a Redis of its own."""
    (directory := tmp_path / "other").mkdir()
    valkey = Valkey()
    try:
        with controlled(valkey, operator, sink, directory) as found:
            yield found
    finally:
        valkey.stop()


@pytest.mark.parametrize("case", ["manual", "an empty file"])
def test_what_redis_has_lost_is_listed_and_lives_until_its_device_is_wanted_again(
    fleet: Controlled, case: str
) -> None:
    fleet.more = 'apply = "manual"' if case == "manual" else ""
    fleet.start()
    fleet.order(do="apply")
    fleet.settled()
    first = ids(fleet)
    if case == "an empty file":
        fleet.wants()
    fleet.redis.flushall()
    looked(fleet)
    assert listed(fleet) == first == ids(fleet)
    assert deletions(fleet) == 0
    [state] = operator_state.read(fleet.redis, ["sim"])
    assert state.orphans == len(first)
    # Its token is unknown here: until it is replaced, the answer to it is no 401.
    assert not fleet.redis.hexists(subscriptions_state("sim"), "credentials_complete")
    fleet.wants(*DEVICES)
    if case == "manual":
        fleet.order(do="apply")
    eventually(lambda: len(ids(fleet)) >= len(DEVICES) and not first & ids(fleet))
    fleet.settled()
    eventually(lambda: fleet.redis.hexists(subscriptions_state("sim"), "credentials_complete"))
    assert listed(fleet) == set()


def test_of_what_redis_has_lost_a_file_cut_short_ends_none_that_is_not_in_it(
    fleet: Controlled,
) -> None:
    fleet.start()
    fleet.settled()
    first = {each["device"]["phoneNumber"]: each["id"] for each in fleet.live()}
    fleet.wants(DEVICES[0])
    fleet.redis.flushall()
    eventually(lambda: first[DEVICES[0]] not in ids(fleet))
    looked(fleet)
    assert deletions(fleet) == 1
    assert fleet.phones() == sorted(DEVICES)
    kept = {first[each] for each in DEVICES[1:]}
    assert listed(fleet) == kept
    by_hand = first[DEVICES[1]]
    assert command(fleet, "delete", by_hand).returncode == 0
    eventually(lambda: by_hand not in ids(fleet))
    eventually(lambda: listed(fleet) == kept - {by_hand})


def test_what_redis_has_lost_makes_room_where_the_operator_takes_no_second_one(
    fleet: Controlled,
) -> None:
    fleet.operator.control("settings", creation={"refuse_twins": True})
    fleet.start()
    fleet.settled()
    first = ids(fleet)
    fleet.redis.flushall()
    eventually(lambda: not first & ids(fleet))
    fleet.settled()
    assert not said_of_another(fleet)


def test_two_receivers_with_one_public_url_leave_each_others_subscriptions_alone(
    fleet: Controlled, other: Controlled
) -> None:
    fleet.start()
    fleet.settled()
    eventually(lambda: fleet.redis.hexists(subscriptions_state("sim"), "credentials_complete"))
    first = ids(fleet)
    other.wants(ANOTHER)
    other.start()
    eventually(lambda: other.states() == ["active"])
    eventually(lambda: listed(other) == first)
    eventually(lambda: listed(fleet) == ids(fleet) - first)
    looked(fleet)
    looked(other)
    assert fleet.phones() == [*DEVICES, ANOTHER]
    assert deletions(fleet) == 0
    # What has the other one's token may come to this one's door.
    for one in (fleet, other):
        assert not one.redis.hexists(subscriptions_state("sim"), "credentials_complete")


def ids(fleet: Controlled) -> set[str]:
    return fleet.ids()


def listed(fleet: Controlled) -> set[str]:
    found = command(fleet, "orphans")
    assert found.returncode == 0
    return {json.loads(line)["id"] for line in found.stdout.splitlines()}


def looked(fleet: Controlled) -> None:
    """Wait until orphans were searched for twice more: each search reads a list and stores."""
    eventually(lambda: fleet.redis.hget(subscriptions_state("sim"), "orphans"))
    lists = fleet.requests()["list 200"]
    eventually(lambda: fleet.requests()["list 200"] >= lists + 3)
    fleet.alive()


def deletions(fleet: Controlled) -> int:
    """How many DELETE the operator got, whatever it answered."""
    found = fleet.requests()
    return sum(number for name, number in found.items() if name.startswith("delete "))


def test_two_receivers_with_one_public_url_and_the_same_devices_say_so(
    fleet: Controlled, other: Controlled
) -> None:
    fleet.start()
    fleet.settled()
    eventually(lambda: fleet.redis.hexists(subscriptions_state("sim"), "credentials_complete"))
    assert not said_of_another(fleet)
    other.wants(DEVICES[0])
    other.start()
    for one in (fleet, other):
        eventually(lambda one=one: said_of_another(one))  # type: ignore[misc]
        found = json.loads(command(one, "list").stdout)
        assert found["trouble"].startswith("another receiver")


def said_of_another(fleet: Controlled) -> bool:
    return "another receiver with this public_url" in command_line(fleet, "doctor").stdout
