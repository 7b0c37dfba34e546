"""Everything at once, by seeds: kills, a Redis that restarts, an operator that answers anything.

What has to hold when it is over: one live subscription for each wanted device, known by its slot,
and no other; no token was ever refused; no occurrence came out twice.
"""

import signal
from collections import Counter
from random import Random

import pytest

from tests.subscriptions.test_events_of_subscriptions import changes, fleet
from tests.support.controlling import Controlled
from tests.support.dying_controller import STEPS
from tests.support.running import Receiver

__all__ = ["fleet"]
EFFECTS = (
    *("status", "drop", "slow", "lost", "late", "applied-status", "truncated", "unreadable"),
    *("no-id", "huge", "drip", "redirect"),
)
OPERATIONS = ("create", "get", "delete", "list", "token", "any", "retrieve")
MANY = [f"+1206555{number:04}" for number in range(100, 112)]


class Attack:
    """One seed's."""

    def __init__(self, fleet: Controlled, seed: int) -> None:
        self.random = Random(seed)
        self.fleet = fleet
        self.running = [fleet.start()]

    def step(self) -> None:
        often = (self.fault, self.kill, self.renew, self.happen)
        seldom = (self.dies_at, self.freeze, self.another, self.restart_redis, self.change)
        others = (self.fault, self.spoil, self.end, self.lie)
        self.random.choice([*often, *often, *seldom, *others])()
        self.pause(self.random.choice((0.05, 0.3, 1.0)))

    def pause(self, seconds: float) -> None:
        """A time that a seed wants, not a condition."""
        signal.sigtimedwait([], seconds)

    def fault(self) -> None:
        operation, effect = self.random.choice(OPERATIONS), self.random.choice(EFFECTS)
        if operation == "token" and effect in ("huge", "no-id"):
            effect = "unreadable"
        status = self.random.choice((400, 401, 403, 404, 409, 410, 422, 429, 500, 503))
        order = {"operation": operation, "effect": effect, "times": self.random.randint(1, 4)}
        self.fleet.operator.control("faults", **order, status=status, delay=self.random.random())

    def kill(self) -> None:
        for each in self.running:
            each.kill()
            each.wait(60)
        self.running.clear()
        if self.random.random() < 0.7:  # else the lease of the killed one runs out
            self.fleet.redis.delete("receiver:subscriptions:lease:sim")
        self.another()

    def dies_at(self) -> None:
        self.kill()
        point = f"{self.random.choice(('before', 'after'))} {self.random.choice(sorted(STEPS))}"
        self.running.append(self.fleet.start(point))

    def freeze(self) -> None:
        [frozen, *_] = self.running
        if frozen.poll() is None:
            frozen.send_signal(signal.SIGSTOP)
            self.pause(self.random.choice((0.1, 5.0)))
            frozen.send_signal(signal.SIGCONT)

    def another(self) -> None:
        self.running.append(self.fleet.start())

    def restart_redis(self) -> None:
        self.fleet.valkey.restart()
        self.fleet.redis.connection_pool.disconnect()

    def renew(self) -> None:
        self.fleet.renew()

    def change(self) -> None:
        self.fleet.wants(*self.random.sample(MANY, self.random.randint(10, 12)))

    def spoil(self) -> None:
        """Without a file that can be read nothing is deleted."""
        file = self.fleet.directory / "fleet.txt"
        before = file.read_bytes()
        file.write_bytes(
            self.random.choice((b"", b"# nobody\n", b"+1206555\x00\n", b"\xff\xfe\xfd"))
        )
        self.pause(0.6)
        file.write_bytes(before)

    def end(self) -> None:
        if live := self.fleet.live():
            one = self.random.choice(live)["id"]
            self.fleet.operator.control("end", id=one, notify=self.random.random() < 0.7)

    def lie(self) -> None:
        """Lists that lag, are capped, have pages."""
        listing = {"lag": self.random.choice((0, 0, 0.3)), "cap": self.random.choice((0, 0, 5))}
        form = self.random.choice(("array", "pages"))
        self.fleet.operator.control("settings", list={**listing, "form": form, "per_page": 4})

    def happen(self) -> None:
        for phone in self.random.sample(MANY, 4):
            device = {"phoneNumber": phone}
            self.fleet.operator.control("devices", device=device, connectivity=["SMS"])
            self.fleet.operator.control("devices", device=device, connectivity=["DATA", "SMS"])

    def over(self) -> None:
        """The end of all trouble."""
        self.fleet.operator.control("clear-faults")
        self.fleet.operator.control("settings", list={"lag": 0, "cap": 0, "form": "version"})
        self.kill()
        self.fleet.wants(*MANY)
        self.fleet.order(do="apply", yes=True)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 9))
def test_whatever_happens_each_device_ends_with_one_subscription_and_each_event_comes_once(
    fleet: Controlled, receiver: Receiver, seed: int
) -> None:
    fleet.wants(*MANY)
    fleet.more = "initial_event = true\nsilent_hours = 0.0005"
    attack = Attack(fleet, seed)
    for _ in range(30):
        attack.step()
    attack.over()
    fleet.settled(*MANY, within=120)
    attack.happen()
    fleet.delivered()
    books = receiver.settled()
    assert books.dead == 0
    assert "401" not in fleet.operator.books()["deliveries"]
    once = Counter((each["subject"], each["time"]) for each in changes(receiver))
    assert set(once.values()) == {1}
    log = fleet.log.read_text()
    assert "Traceback" not in log
    assert "subscriptions.fault" not in log
