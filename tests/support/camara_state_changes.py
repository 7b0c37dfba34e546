"""The steps of CAMARA's test definitions that change a device's state, or make something happen."""

from typing import Any

from tests.support.camara_world import GERMANY, World, step
from tests.support.eventually import eventually


@step("the device .*not .*(?:data|sms) connectivity with .*", "the device .* is not connected .*")
def is_disconnected(world: World) -> None:
    world.change(connectivity=[])


@step("the device has data and/or sms connectivity .*", "the device has data connectivity .*")
@step("the device has both data and sms .*")
def is_connected(world: World) -> None:
    world.change(connectivity=["DATA", "SMS"])


@step("the device is connected with sms .*")
def is_connected_by_sms(world: World) -> None:
    world.change(connectivity=["SMS"])


@step("the device (?:is roaming|which is in roaming inside Germany .*)")
def is_roaming(world: World) -> None:
    world.change(**GERMANY)


@step("the device (?:is not roaming|which is not in roaming .*)")
def is_home(world: World) -> None:
    world.change(roaming=False)


def _changes(world: World, **state: Any) -> None:
    assert world.made["id"]
    world.change(**state)


@step("the device's data connectivity .*")
def gets_data(world: World) -> None:
    _changes(world, connectivity=["DATA", "SMS"])


@step("the device's sms connectivity .*")
def gets_sms(world: World) -> None:
    _changes(world, connectivity=["SMS"])


@step("the device loses all connectivity .*")
def loses_all(world: World) -> None:
    _changes(world, connectivity=[])


@step("the device changes (?:network and is now roaming|its roaming status)")
def goes_abroad(world: World) -> None:
    _changes(world, **GERMANY)


@step("the device changes network and is now not roaming")
def comes_home(world: World) -> None:
    _changes(world, roaming=False)


@step("the device changes to a network in a different country .*")
def changes_country(world: World) -> None:
    _changes(world, country_code=206, country_name=["BE"])


@step("a single notification .* has been sent .*")
def one_was_sent(world: World) -> None:
    states: dict[str, Any] = {"reachability": {"connectivity": []}, "roaming": GERMANY}
    _changes(world, **states[world.subject])
    if world.subject == "reachability":
        world.change(connectivity=["DATA"])
    eventually(lambda: len(world.sink.events) == 2)


@step("the subscriptionExpireTime is reached")
def time_passes(world: World) -> None:
    assert world.made["id"]
    world.operator.control("clock", ahead=61)


@step("a network error prevents .*")
def network_error(world: World) -> None:
    world.operator.control("faults", operation="retrieve", effect="status", status=503)
