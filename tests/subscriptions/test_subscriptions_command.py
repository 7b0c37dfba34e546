"""`receiver subscriptions`: what it shows, and what it has the controller do."""

import json
import subprocess
from pathlib import Path

from tests.support.command_line import here
from tests.support.commands import RECEIVER
from tests.support.controlling import DEVICES, Controlled
from tests.support.eventually import eventually
from tests.support.subscriptions_command import command
from tests.support.valkey import Valkey


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


def test_apply_says_that_nothing_is_declared(valkey: Valkey, tmp_path: Path) -> None:
    done = here(tmp_path, "subscriptions", "apply", REDIS_URL=valkey.url)
    said = "receiver.toml declares no [[subscription]]\n"
    assert (done.code, done.out, done.err) == (0, "", said)


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
    eventually(lambda: first not in fleet.ids())
    fleet.settled()
    second = fleet.slots()[0].attempts[0].subscription
    assert command(fleet, "delete", name).returncode == 0
    eventually(lambda: second not in fleet.ids())
    fleet.settled()
    assert command(fleet, "renew", "fleet:nobody").returncode == 2


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
