"""How subscriptions are seen: metrics by set and operator, one class of credentials, `explain`."""

import json
import re
from functools import partial
from typing import Any

from receiver.config.settings import Settings, load
from receiver.contract.redis_keys import SUBSCRIPTION_ATTEMPTS, subscriptions_state
from receiver.metrics import snapshot
from receiver.metrics.exposition import exposition
from receiver.operations.event_subscription import subscriptions
from tests.support.command_line import here
from tests.support.commands import run
from tests.support.controlling import DEVICES, Controlled
from tests.support.eventually import eventually


def settings(fleet: Controlled) -> Settings:
    toml = str(fleet.directory / "receiver.toml")
    return load({"RECEIVER_CONFIG": toml, **fleet.environment()})


def metrics(fleet: Controlled) -> dict[str, float]:
    """Each series and its value; names and labels as a person writes them."""
    known = settings(fleet)
    page = exposition(snapshot.read(fleet.redis, (), ["sim"]), None, known, ready=True).decode()
    found = re.findall(r"^(receiver_(?:sub|oper)\S+) (\S+)$", page, re.MULTILINE)
    return {name.replace('"', ""): float(value) for name, value in found}


def stands_at(fleet: Controlled, name: str, value: float) -> bool:
    return metrics(fleet).get(name) == value


def test_the_list_says_why_nobody_sees_to_a_set(fleet: Controlled) -> None:
    def trouble() -> str:
        fleet.configure()
        done = run(fleet.directory, "subscriptions", "list", **fleet.environment())
        assert done.returncode == 0
        return str(json.loads(done.stdout)["trouble"])

    assert trouble() == "no controller runs: receiver worker"
    fleet.configure()
    shown = here(fleet.directory, "subscriptions", "list", terminal=True, **fleet.environment())
    assert "no controller runs: receiver worker" in " ".join(shown.out.split())
    process = fleet.start()
    fleet.settled()
    assert trouble() == ""
    process.terminate()
    assert process.wait(60) == 0
    fleet.secret = {"SIM": "wrong-secret"}
    fleet.start()
    stored: Any = eventually(lambda: fleet.redis.hget(subscriptions_state("sim"), "trouble"))
    eventually(lambda: trouble() == stored.decode())


def test_metrics_say_how_sets_and_operators_stand_and_name_no_device(fleet: Controlled) -> None:
    refused = {"phoneNumber": DEVICES[0]}
    fleet.operator.control("devices", device=refused, refuse="SERVICE_NOT_APPLICABLE")
    fleet.operator.control("faults", operation="list", effect="status", status=500, times=1)
    fleet.start()
    eventually(lambda: fleet.states() == ["active", "active", "refused"])
    active = next(slot for slot in fleet.slots() if slot.state == "active")
    fleet.order(do="renew", slot=active.id)

    of_set = "receiver_subscriptions_{}{{set=fleet}}".format
    eventually(partial(stands_at, fleet, of_set("renewed_total"), 1))
    in_state = "receiver_subscriptions{{set=fleet,state={}}}".format
    eventually(partial(stands_at, fleet, in_state("active"), 2))
    requests = "receiver_operator_requests_total{{operator=sim,status={}}}".format
    for status, times in ((201, 3), (422, 1), (500, 1)):
        eventually(partial(stands_at, fleet, requests(status), times))
    found = metrics(fleet)
    assert found[of_set("wanted")] == 3
    assert found[of_set("active")] == 2
    assert found[in_state("refused")] == 1
    assert found[in_state("pending")] == 0
    assert found["receiver_subscriptions_failed_total{reason=refused,set=fleet}"] == 1
    assert 20 * 86_400 < found[of_set("next_end_seconds")] < 40 * 86_400
    for name in (
        "renewal_overdue_seconds",
        "unknown_oldest_seconds",
        "stopped",
        "no_room",
        "gap_seconds_total",
    ):
        eventually(partial(stands_at, fleet, of_set(name), 0))
    assert found["receiver_subscription_credentials"] == 4
    assert [found[requests(status)] for status in (201, 422, 500)] == [3, 1, 1]
    of_operator = "receiver_operator_{}{{operator=sim}}".format
    assert found[of_operator("controlled")] == 1
    assert 0 <= found[of_operator("seen_seconds")] < 60
    assert 0 <= found[of_operator("last_success_seconds")] < 60
    assert abs(found[of_operator("clock_ahead_seconds")]) < 30
    for name in ("circuit_open", "trouble", "quota_exhausted"):
        assert found[of_operator(name)] == 0
    assert not [name for name in found if any(phone.lstrip("+") in name for phone in DEVICES)]


def test_an_open_circuit_is_seen_and_when_it_closes(fleet: Controlled) -> None:
    fleet.start()
    fleet.settled()
    fleet.operator.control("faults", effect="status", status=503, times=0)
    fleet.renew()
    name = "receiver_operator_circuit_open{operator=sim}"
    eventually(partial(stands_at, fleet, name, 1))
    fleet.operator.control("clear-faults")
    eventually(partial(stands_at, fleet, name, 0))
    fleet.settled()


def test_a_controller_that_has_gone_is_seen(fleet: Controlled) -> None:
    process = fleet.start()
    fleet.settled()
    eventually(partial(stands_at, fleet, "receiver_subscriptions_active{set=fleet}", 3))
    process.terminate()
    assert process.wait(60) == 0
    found = metrics(fleet)
    assert found["receiver_operator_controlled{operator=sim}"] == 0
    assert found["receiver_subscriptions_next_end_seconds{set=fleet}"] > 0


def test_the_credentials_of_subscriptions_are_one_class(fleet: Controlled) -> None:
    fleet.start()
    fleet.settled()
    done = run(fleet.directory, "credentials", "list", REDIS_URL=fleet.valkey.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"id": None, "label": "subscriptions", "count": 3}
    known = settings(fleet)
    page = exposition(snapshot.read(fleet.redis, (), ["sim"]), None, known, ready=True).decode()
    assert "receiver_credential_days_left{" not in page


def test_an_event_names_the_set_slot_and_generation_of_its_subscription(fleet: Controlled) -> None:
    event: dict[str, Any] = {"subscriptionset": "fleet", "generation": 7}
    assert subscriptions(fleet.redis, [json.dumps(event).encode()]) == [{}]
    event["subscriptionattempt"] = "rs01"
    raw = json.dumps(event).encode()
    lost = {"set": "fleet", "slot": "(no longer stored)", "generation": 7}
    assert subscriptions(fleet.redis, [raw]) == [lost]
    fleet.redis.hset(SUBSCRIPTION_ATTEMPTS, "rs01", '["sim", "fleet", "fleet:abc", 7]')
    assert subscriptions(fleet.redis, [raw]) == [lost | {"slot": "fleet:abc"}]
