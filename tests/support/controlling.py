"""A controller at a simulated operator, and what has to hold after everything that happens."""

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from receiver.contract.redis_keys import (
    EVENTS,
    SUBSCRIPTION_CREDENTIALS,
    SUBSCRIPTION_SETS,
    SUBSCRIPTIONS,
    subscriptions_orders,
    subscriptions_state,
)
from receiver.subscriptions.slots import Slot, decode
from tests.support.commands import environment
from tests.support.dying_controller import AHEAD
from tests.support.eventually import eventually
from tests.support.forked import Forked
from tests.support.operators import Simulated, Sink
from tests.support.put import put
from tests.support.valkey import Valkey

API = "device-reachability-status-subscriptions"
DEVICES = ("+12065550100", "+12065550101", "+12065550102")


def event_of(
    attempt: str,
    subscription: str,
    event_type: str = "device.reachability.changed.v1",
    **data: Any,
) -> bytes:
    """What a worker publishes of a notification that came with an attempt's token."""
    about = {"type": event_type, "subscriptionattempt": attempt}
    said = about | {"data": {"subscriptionId": subscription} | data}
    return json.dumps(said, separators=(",", ":")).encode()


class Controlled:
    """One operator's subscriptions, and the controllers that a test starts."""

    def __init__(self, valkey: Valkey, operator: Simulated, sink: Sink, directory: Path) -> None:
        self.valkey = valkey
        self.redis: redis.Redis = valkey.client()
        self.operator = operator
        self.sink = sink
        self.directory = directory
        self.more = ""
        self.name = "fleet"
        """Of the set."""
        self.secret = {"SIM": "simulated-secret"}
        self.of_operator = ""
        self.rate = 500.0
        self.version = "v0.8"
        self.status = "device-reachability-status/v1"
        self.log = directory / "log"
        self._processes: list[subprocess.Popen[bytes]] = []
        self.wants(*DEVICES)

    def wants(self, *devices: str) -> None:
        """Write the file of devices."""
        put(self.directory / "fleet.txt", "\n".join(devices) + "\n")

    def configure(self) -> None:
        """Write receiver.toml."""
        api = "device-status" if self.version == "v0" else API
        public = self.sink.url.rpartition("/")[0]
        toml = f"""
public_url = "{public}"
[[operator]]
name = "sim"
reachability = "{self.operator.url}/{api}/{self.version}"
status = "{self.operator.url}/{self.status}"
rate = {self.rate}
concurrency = 8
auth = {{ kind = "client_credentials", token_url = "{self.operator.url}/oauth/token", \
client_id = "simulated-client", secret_env = "SIM" }}
{self.of_operator}
[[subscription]]
name = "{self.name}"
operator = "sim"
types = ["reachability-data"]
devices_file = "fleet.txt"
{self.more}
"""
        put(self.directory / "receiver.toml", toml)

    def environment(self) -> dict[str, str]:
        return environment(REDIS_URL=self.valkey.url, **self.secret)

    def start(self, point: str = "") -> "subprocess.Popen[bytes]":
        """A controller, which is killed at a point if one is given."""
        self.configure()
        with self.log.open("ab") as log:
            process = Forked(
                [sys.executable, "-P", "-m", "tests.support.dying_controller", "sim", point],
                cwd=self.directory,
                env=self.environment(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        self._processes.append(process)
        return process

    def order(self, **what: Any) -> None:
        self.redis.rpush(subscriptions_orders("sim"), json.dumps(what))

    def publish(self, event: bytes) -> Any:
        """Put an event onto the stream that controllers read; its entry."""
        return self.redis.xadd(EVENTS, {"event": event})

    def renew(self) -> None:
        """Order the renewal of every slot."""
        for slot in self.slots():
            self.order(do="renew", slot=slot.id)

    def slots(self) -> list[Slot]:
        found: Any = self.redis.hvals(SUBSCRIPTIONS)
        return sorted(map(decode, found), key=lambda slot: slot.id)

    def states(self) -> list[str]:
        return sorted(slot.state for slot in self.slots())

    def live(self) -> list[dict[str, Any]]:
        """What lives at the operator."""
        return [each for each in self.operator.books()["subscriptions"] if each["live"]]

    def ids(self) -> set[str]:
        """The operator's ids of what lives."""
        return {each["id"] for each in self.live()}

    def phones(self) -> list[str]:
        return sorted(each["device"]["phoneNumber"] for each in self.live())

    def credentials(self) -> list[dict[str, Any]]:
        found: Any = self.redis.hvals(SUBSCRIPTION_CREDENTIALS)
        return [json.loads(each) for each in found]

    def settled(self, *devices: str, within: float = 120) -> None:
        """Wait for the invariants: one live subscription for each wanted slot, known by it, and
        no other.
        """
        wanted = sorted(devices or DEVICES)

        def holds() -> bool:
            self.alive()
            slots = [slot for slot in self.slots() if slot.wanted and slot.operator == "sim"]
            if not slots or any(slot.state != "active" for slot in slots):
                return False  # and the operator need not be asked
            known = sorted(each.subscription for slot in slots for each in slot.attempts)
            live = self.live()
            phones = sorted(each["device"]["phoneNumber"] for each in live)
            return phones == wanted and known == sorted(each["id"] for each in live)

        try:
            eventually(holds, within=within)
        except AssertionError:
            raise AssertionError(
                (self.slots(), self.live(), self.log.read_text()[-3000:])
            ) from None

    def renewed(self, *devices: str) -> None:
        """Renew every slot by hand, and wait until each has a new subscription and no gap."""
        before = self.ids()
        self.renew()
        eventually(lambda: not before & self.ids())
        self.unhurt(*devices)

    def unhurt(self, *devices: str) -> None:
        """Wait for the invariants; no slot was ever without a subscription, no event refused."""
        self.settled(*devices)
        assert self.redis.hget(SUBSCRIPTION_SETS, "fleet:gap_seconds") is None
        assert "401" not in self.operator.books()["deliveries"]

    def requests(self) -> Counter[str]:
        """How many requests the operator got, by operation and answer: `create 201`."""
        return Counter(self.operator.http.get("/_books?summary").json()["requests"])

    def delivered(self) -> None:
        """Wait until the operator has no event that it is still to deliver."""
        books = "/_books?summary"
        eventually(lambda: self.operator.http.get(books).json()["under_way"] == 0)

    def passed(self, seconds: float) -> None:
        """Move Redis' clock and the operator's, and wait until the controller has noticed: what
        happens next happens so much later for it too.
        """
        moved: Any = self.redis.time()[0] + int(seconds)
        self.redis.set(AHEAD, int(seconds))
        self.operator.control("clock", ahead=seconds)
        state = subscriptions_state("sim")
        eventually(lambda: int(self.redis.hget(state, "seen") or 0) >= moved - 5)

    def alive(self) -> None:
        """Every controller that ended has ended as it should: killed by itself."""
        for each in self._processes:
            assert each.poll() in (None, 0, -9, -15), self.log.read_text()[-3000:]

    def kill(self) -> None:
        """End every controller now: how it ends no test looks at any more."""
        for each in self._processes:
            each.kill()
            each.communicate()

    def stop(self) -> None:
        for each in self._processes:
            each.terminate()
            each.send_signal(signal.SIGCONT)
        for each in self._processes:
            try:
                each.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                each.kill()
                each.communicate()


@contextmanager
def controlled(
    valkey: Valkey, operator: Simulated, sink: Sink, directory: Path
) -> Iterator[Controlled]:
    found = Controlled(valkey, operator, sink, directory)
    try:
        yield found
    finally:
        found.kill()
