"""What commands that order something of a controller say: where there is nothing to do, and where
they are ended while they wait.
"""

import signal

import pytest

from receiver.cli import subscription_orders
from receiver.contract.redis_keys import SUBSCRIPTIONS, subscriptions_orders
from receiver.subscriptions.slots import encode
from tests.support.command_line import here
from tests.support.commands import running
from tests.support.controlling import DEVICES, Controlled
from tests.support.eventually import eventually
from tests.support.subscribing import slot
from tests.support.subscriptions_command import command, read


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)]
)
def test_ended_while_it_waits_it_says_that_the_order_stays(
    fleet: Controlled, number: int, code: int
) -> None:
    fleet.configure()
    fleet.redis.config_resetstat()
    environ = {"REDIS_URL": fleet.valkey.url, "SIM": "simulated-secret"}
    with running(fleet.directory, "subscriptions", "apply", **environ) as process:
        # No controller runs: nobody else asks how many orders are left.
        eventually(lambda: "cmdstat_llen" in fleet.redis.info("commandstats"))
        assert read(fleet, subscriptions_orders("sim"))
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, "")
    assert err == "receiver: it stays ordered: a controller does it also without this command\n"
    fleet.start()
    fleet.settled()


def test_where_there_is_nothing_to_delete_yet_that_is_said(fleet: Controlled) -> None:
    fleet.wants(*DEVICES[:2])
    fleet.operator.control("settings", creation={"active_after": 600})
    fleet.operator.control(
        "devices", device={"phoneNumber": DEVICES[0]}, refuse="SERVICE_NOT_APPLICABLE"
    )
    fleet.start()
    eventually(lambda: fleet.states() == ["pending", "refused"])
    for state, why in {
        "pending": "the operator has not said yet that its subscription is active (pending)",
        "refused": "it has no subscription (refused)",
    }.items():
        [slot] = [one for one in fleet.slots() if one.state == state]
        done = command(fleet, "delete", slot.id)
        look = f"see `receiver subscriptions show {slot.id}`"
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"receiver: nothing is deleted: {why}; {look}\n"
    assert "delete" not in " ".join(fleet.requests())
    fleet.passed(700)
    eventually(lambda: fleet.states() == ["active", "refused"])
    [slot] = [one for one in fleet.slots() if one.state == "active"]
    done = command(fleet, "delete", slot.id)
    said = f"it is being deleted: see `receiver subscriptions show {slot.id}`\n"
    assert (done.returncode, done.stderr) == (0, said)


class Controlling:
    """A clock that stands still but where somebody waits: each time an order is done in 10 s."""

    def __init__(self, fleet: Controlled) -> None:
        self._fleet = fleet
        self._now = 0.0

    def monotonic(self) -> float:
        return self._now

    def sleep(self, _: float) -> None:
        self._now += 10
        assert self._fleet.redis.lpop(subscriptions_orders("sim"))


def test_orders_of_many_slots_are_waited_for_as_long_as_they_are_being_done(
    fleet: Controlled, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.configure()
    for number in range(10):
        one = slot(id=f"fleet:{number}", operator="sim")
        fleet.redis.hset(SUBSCRIPTIONS, one.id, encode(one))
    monkeypatch.setattr(subscription_orders, "time", Controlling(fleet))
    words = ("subscriptions", "renew", "fleet")
    done = here(fleet.directory, *words, REDIS_URL=fleet.valkey.url, SIM="simulated-secret")
    assert (done.code, done.err) == (0, "done: see `receiver subscriptions list`\n")


@pytest.mark.parametrize("moved", [True, False])
def test_nobody_waits_for_the_renewal_of_what_a_set_has_left_at_an_operator(
    fleet: Controlled, monkeypatch: pytest.MonkeyPatch, moved: bool
) -> None:
    fleet.configure()
    left = slot(id="fleet:left", operator="gone")
    for one in (left, slot(id="fleet:0", operator="sim"))[: 1 + moved]:
        fleet.redis.hset(SUBSCRIPTIONS, one.id, encode(one))
    monkeypatch.setattr(subscription_orders, "time", Controlling(fleet))
    words = ("subscriptions", "renew", "fleet")
    done = here(fleet.directory, *words, REDIS_URL=fleet.valkey.url, SIM="simulated-secret")
    why = "fleet is not renewed: receiver.toml has no [[operator]] 'gone' any more"
    said = "done: see `receiver subscriptions list`" if moved else f"receiver: {why}"
    assert (done.code, done.err) == (0 if moved else 2, f"{said}\n")
    assert not fleet.redis.exists(subscriptions_orders("gone"))
