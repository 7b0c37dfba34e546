"""An operator that has a subscription too much like the new one; files of devices that change."""

import os
from pathlib import Path

import pytest

from receiver.config.devices import file_stamp
from receiver.outbound import Answer
from receiver.subscriptions.creation_outcome import classify
from tests.subscriptions.test_left_behind import settings
from tests.support.controlling import DEVICES, Controlled
from tests.support.eventually import eventually
from tests.support.operators import asked


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"code": "ALREADY_EXISTS"}', "exists"),
        (b'{"code": "CONFLICT"}', "exists"),
        (b'{"detail": "there is one"}', "exists"),
        (b"<html>", "exists"),
        (b'{"code": "ABORTED"}', "retry"),
        (b'{"code": "INCOMPATIBLE_STATE"}', "retry"),
    ],
)
def test_a_conflict_is_another_subscription_unless_its_code_says_that_it_passes(
    body: bytes, kind: str
) -> None:
    assert classify(Answer(status=409, headers={}, body=body)).kind == kind


def test_two_sets_that_want_the_same_of_an_operator_that_refuses_twins_leave_each_other_alone(
    fleet: Controlled,
) -> None:
    fleet.operator.control("settings", creation={"refuse_twins": True})
    fleet.start()
    fleet.settled()
    first = fleet.ids()
    fleet.more = """
[[subscription]]
name = "also"
operator = "sim"
types = ["reachability-data"]
devices_file = "fleet.txt"
"""
    fleet.stop()
    fleet.start()
    eventually(lambda: fleet.requests()["create 409"] >= 3 * len(DEVICES))
    eventually(lambda: fleet.states() == ["active"] * 3 + ["failing"] * 3)
    assert fleet.ids() == first
    assert not [name for name in fleet.requests() if name.startswith("delete")]


def test_a_file_that_may_be_read_again_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "fleet.txt"
    file.write_text("+12065550100\n")
    one = settings(tmp_path).subscriptions[0]
    one = type(one)(
        name="fleet", operator="nokia", types=("reachability-data",), devices_file=str(file)
    )
    before = file_stamp(one)
    assert before == file_stamp(one)
    os.chmod(file, 0o600)
    os.chmod(file, 0o644)
    assert file_stamp(one) != before
    file.unlink()
    assert file_stamp(one) == ()


def test_a_conflict_with_another_programs_subscription_leaves_that_alone(fleet: Controlled) -> None:
    fleet.operator.control("settings", creation={"refuse_twins": True})
    sink = fleet.sink.url.rpartition("/")[0] + "/camara/notifications/default?s=session-17"
    foreign = fleet.operator.create(asked(sink))["id"]
    fleet.start()
    eventually(lambda: fleet.requests()["create 409"] >= 3)
    assert not [name for name in fleet.requests() if name.startswith("delete")]
    eventually(lambda: fleet.states() == ["active", "active", "failing"])
    assert foreign in fleet.ids()
