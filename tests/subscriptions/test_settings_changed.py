"""A `receiver.toml` that is changed between two controllers: what it says counts for what lives."""

from tests.support.controlling import Controlled
from tests.support.eventually import eventually


def changed(fleet: Controlled) -> None:
    """Let a controller with the new file take the place of the one that runs."""
    [*_, process] = fleet._processes
    process.terminate()
    assert process.wait(60) == 0
    fleet.start()


def test_silent_hours_that_are_set_later_count_for_what_lives(fleet: Controlled) -> None:
    fleet.start()
    fleet.settled()
    fleet.more = "silent_hours = 0.0003"
    changed(fleet)
    before = fleet.requests()["get 200"]
    eventually(lambda: fleet.requests()["get 200"] >= before + 3, within=30)
