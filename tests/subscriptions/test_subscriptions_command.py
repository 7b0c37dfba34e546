"""`receiver subscriptions`: what it shows, and what it has the controller do."""

import json
import re
import subprocess
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from receiver.contract.redis_keys import subscriptions_orders
from tests.support.command_line import here
from tests.support.commands import RECEIVER, run
from tests.support.controlling import DEVICES, Controlled
from tests.support.dying_controller import USUAL
from tests.support.eventually import eventually
from tests.support.operators import asked


def command(fleet: Controlled, *words: str) -> "subprocess.CompletedProcess[str]":
    return command_line(fleet, "subscriptions", *words)


def command_line(fleet: Controlled, *words: str) -> "subprocess.CompletedProcess[str]":
    fleet.configure()
    return run(fleet.directory, *words, REDIS_URL=fleet.valkey.url, SIM="simulated-secret")


def shown(fleet: Controlled) -> str:
    """The plan as people see it."""
    words = ("subscriptions", "plan")
    return here(fleet.directory, *words, terminal=True, REDIS_URL=fleet.valkey.url).out


def test_a_plan_says_what_is_to_be_done_and_does_nothing(fleet: Controlled) -> None:
    planned = command(fleet, "plan")
    assert (planned.returncode, json.loads(planned.stdout)["create"]) == (2, 3)
    assert "fleet: 3 to create" in shown(fleet)
    assert fleet.slots() == []
    fleet.start()
    fleet.settled()
    planned = command(fleet, "plan")
    assert (planned.returncode, json.loads(planned.stdout)["wanted"]) == (0, 3)
    (fleet.directory / "fleet.txt").write_text("+12065550100\n\n12065550101\n")
    planned = command(fleet, "plan")
    assert planned.returncode == 2
    assert "fleet.txt: line 3: a phone number such as +12065550100" in planned.stdout
    assert "12065550101" not in planned.stdout


def test_list_and_show_say_how_it_stands(fleet: Controlled) -> None:
    fleet.operator.control(
        "devices", device={"phoneNumber": DEVICES[0]}, refuse="SERVICE_NOT_APPLICABLE"
    )
    fleet.start()
    eventually(lambda: fleet.states() == ["active", "active", "refused"])
    [found] = map(json.loads, command(fleet, "list").stdout.splitlines())
    assert (found["wanted"], found["active"]) == (3, 2)
    assert found["refusals"] == {"422 SERVICE_NOT_APPLICABLE": 1}
    shown = command(fleet, "show", "fleet", "--state", "refused").stdout
    assert json.loads(shown)["device"] == {"phoneNumber": DEVICES[0]}
    shown = command(fleet, "show", "fleet", "--state", "active", "--json").stdout
    attempts = [json.loads(line)["attempts"][0] for line in shown.splitlines()]
    known = sorted((each["subscription"], each["state"]) for each in attempts)
    assert known == sorted((each["id"], "active") for each in fleet.live())
    assert command(fleet, "show", "nobody").returncode == 1


def test_apply_creates_what_a_manual_operator_left_waiting(fleet: Controlled) -> None:
    fleet.more = 'apply = "manual"'
    fleet.start()
    eventually(lambda: fleet.redis.hget("receiver:subscriptions:operator:sim", "controller"))
    assert command(fleet, "apply").returncode == 0
    fleet.settled()


def test_apply_says_what_it_has_not_done(fleet: Controlled) -> None:
    fleet.start()
    fleet.settled()
    fleet.wants(DEVICES[0])
    waits = "receiver: 2 deletions of fleet wait: receiver subscriptions apply --yes\n"
    done = command(fleet, "apply")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", waits)
    fleet.wants("nobody")
    done = command(fleet, "apply", "--yes")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("receiver: fleet: fleet.txt: line 1: ")
    fleet.wants(DEVICES[0])
    done = command(fleet, "apply", "--yes")
    assert (done.returncode, done.stderr) == (0, "done: see `receiver subscriptions list`\n")
    fleet.settled(DEVICES[0])


def test_a_slot_is_renewed_and_deleted_by_hand(fleet: Controlled) -> None:
    fleet.start()
    fleet.settled()
    name, first = fleet.slots()[0].id, fleet.slots()[0].attempts[0].subscription
    assert command(fleet, "renew", name).returncode == 0
    eventually(lambda: first not in {each["id"] for each in fleet.live()})
    fleet.settled()
    second = fleet.slots()[0].attempts[0].subscription
    assert command(fleet, "delete", name).returncode == 0
    eventually(lambda: second not in {each["id"] for each in fleet.live()})
    fleet.settled()
    assert command(fleet, "renew", "fleet:nobody").returncode == 2


@pytest.mark.parametrize("what", ["adopt", "delete"])
def test_one_that_was_made_elsewhere_is_reported_and_adopted_or_deleted(
    fleet: Controlled, what: str
) -> None:
    fault = {"operation": "create", "effect": "status", "status": 409, "code": "ABORTED"}
    fleet.operator.control("faults", times=0, skip=1, **fault)  # but for the one made elsewhere
    name = foreign(fleet)
    [found] = map(json.loads, command(fleet, "orphans").stdout.splitlines())
    assert (found["operator"], found["id"]) == ("sim", name)
    assert command(fleet, what, name).returncode == 0
    known = [each.subscription for slot in fleet.slots() for each in slot.attempts]
    assert (name in known) == lives(fleet, name) == (what == "adopt")
    fleet.operator.control("clear-faults")
    eventually(lambda: not lives(fleet, name))  # an adopted one is replaced by one with our token
    fleet.settled()


@pytest.mark.parametrize("what", ["adopt", "delete"])
def test_what_is_adopted_or_deleted_is_an_orphan_no_more_before_the_next_search(
    fleet: Controlled, what: str
) -> None:
    fleet.secret |= {USUAL: "1"}  # the next search is in an hour
    fault = {"operation": "create", "effect": "status", "status": 409, "code": "ABORTED"}
    fleet.operator.control("faults", times=0, skip=2, **fault)
    other = made_elsewhere(fleet, "+12065550199")
    name = foreign(fleet)
    assert orphans(fleet) == {name, other}
    done = command(fleet, what, name)
    assert (done.returncode, done.stderr) == (0, "done: see `receiver subscriptions orphans`\n")
    assert orphans(fleet) == {other}
    examined = command_line(fleet, "doctor").stdout
    assert "1 subscriptions at the operator sim send to us and are in no record here" in examined


def test_that_there_is_no_orphan_is_said_with_when_it_was_last_searched(fleet: Controlled) -> None:
    often = "the controllers search once an hour and at their start\n"
    never = command(fleet, "orphans")
    assert (never.returncode, never.stdout) == (0, "")
    assert never.stderr == f"none is known\nsim: not searched yet\n{often}"
    began = time.time()
    fleet.start()
    eventually(lambda: "none is known" not in command(fleet, "orphans").stderr)
    found = command(fleet, "orphans")
    assert (found.returncode, found.stdout) == (0, "")
    first, second, *rest = found.stderr.splitlines(keepends=True)
    assert (first, rest) == ("there is none\n", [often])
    said = re.fullmatch(r"sim: last searched (.*) UTC\n", second)
    assert said
    searched = datetime.strptime(said[1], "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp()
    assert began - 60 <= searched <= time.time()


def orphans(fleet: Controlled) -> set[str]:
    """The operator's ids of those that are listed."""
    lines = command(fleet, "orphans").stdout.splitlines()
    return {json.loads(line)["id"] for line in lines}


def made_elsewhere(fleet: Controlled, device: str) -> str:
    """One at our URL that no controller has made."""
    sink = fleet.sink.url.rpartition("/")[0] + "/camara/notifications/default"
    body = asked(sink)
    body["config"]["subscriptionDetail"]["device"] = {"phoneNumber": device}
    found: str = fleet.operator.create(body)["id"]
    return found


def foreign(fleet: Controlled) -> str:
    """One that was made elsewhere for the first device, listed as an orphan."""
    found = made_elsewhere(fleet, DEVICES[0])
    fleet.start()
    eventually(lambda: found in command(fleet, "orphans").stdout)
    return found


def lives(fleet: Controlled, subscription: str) -> bool:
    return subscription in {each["id"] for each in fleet.live()}


def test_what_the_operator_refuses_is_said_by_the_command_that_asked_for_it(
    fleet: Controlled,
) -> None:
    fleet.wants(*DEVICES[1:])
    name = foreign(fleet)
    fault = {"effect": "status", "status": 403, "times": 1}
    for operation, what in (("delete", "delete"), ("get", "adopt")):
        fleet.operator.control("faults", operation=operation, **fault)
        found = command(fleet, what, name)
        assert (found.returncode, found.stdout) == (2, "")
        assert found.stderr == f"receiver: {name}: the operator answered 403 PERMISSION_DENIED\n"
    found = command(fleet, "adopt", name)
    assert (found.returncode, "no slot wants its device and type" in found.stderr) == (2, True)
    assert lives(fleet, name)
    assert command(fleet, "delete", name).returncode == 0
    fleet.settled(*DEVICES[1:])


def test_nothing_is_adopted_into_a_slot_whose_own_subscription_lives(fleet: Controlled) -> None:
    fleet.more = "silent_hours = 0"
    name = foreign(fleet)
    eventually(lambda: fleet.states() == ["active"] * 3)
    found = command(fleet, "adopt", name)
    assert (found.returncode, "its slot has one that lives" in found.stderr) == (2, True)
    assert lives(fleet, name)


@pytest.mark.parametrize("status", [429, 503])
def test_an_order_at_which_the_operator_has_no_time_is_done_later(
    fleet: Controlled, status: int
) -> None:
    fleet.wants(*DEVICES[1:])
    name = foreign(fleet)
    fleet.operator.control("faults", operation="delete", effect="status", status=status, times=2)
    assert command(fleet, "delete", name).returncode == 0
    assert fleet.requests()[f"delete {status}"] == 2
    assert not lives(fleet, name)


def test_an_order_that_the_operator_never_carries_out_holds_up_no_other(fleet: Controlled) -> None:
    fleet.wants(*DEVICES[1:])
    name = foreign(fleet)
    fleet.operator.control("faults", operation="delete", effect="status", status=503, times=0)
    base = json.loads(command(fleet, "orphans").stdout)["base"]
    fleet.order(do="delete", base=base, subscription=name)
    fleet.order(do="apply")
    orders = subscriptions_orders("sim")
    eventually(lambda: [json.loads(each)["do"] for each in read(fleet, orders)] == ["delete"])


def read(fleet: Controlled, orders: str) -> list[bytes]:
    found: Any = fleet.redis.lrange(orders, 0, -1)
    return list(found)


def test_the_worker_starts_a_controller_for_each_operator(fleet: Controlled) -> None:
    fleet.configure()
    with subprocess.Popen(
        [*RECEIVER, "worker"],
        cwd=fleet.directory,
        env=fleet.environment(),
        stderr=subprocess.PIPE,
        process_group=0,
    ) as worker:
        try:
            fleet.settled()
        finally:
            worker.terminate()
            worker.communicate(timeout=60)
    assert fleet.redis.get("receiver:subscriptions:lease:sim") is None
