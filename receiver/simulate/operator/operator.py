"""The operator: its subscriptions, what starts and ends them, and what they are sent."""

import copy
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from receiver.simulate.clock import Clock
from receiver.simulate.fault_order import FaultOrders
from receiver.simulate.operator import devices, events
from receiver.simulate.operator.creation import Wanted
from receiver.simulate.operator.deliveries import Deliveries
from receiver.simulate.operator.devices import Device, Devices
from receiver.simulate.operator.dialects import Dialect
from receiver.simulate.operator.problems import Refused
from receiver.simulate.operator.scenario import Fault, Scenario
from receiver.simulate.operator.subscription import Subscription
from receiver.simulate.operator.tokens import Tokens
from receiver.simulate.serving import Calls

_UPDATES: Final = {"INACTIVE": "SUBSCRIPTION_INACTIVE", "ACTIVE": "SUBSCRIPTION_ACTIVE"}


class Operator:
    """One operator's network. `scenario` may be replaced at any time."""

    def __init__(self, scenario: Scenario) -> None:
        """Read the clients' keys. Raises `ScenarioError` for a key file that cannot be read."""
        self.scenario = scenario
        self.random = Random(scenario.seed)  # noqa: S311 - seeded, and guards nothing
        self.clock = Clock()
        self.devices = Devices(scenario)
        self.deliveries = Deliveries(lambda: self.scenario, self.clock.now)
        self.tokens = Tokens(lambda: self.scenario, self.clock.now)
        self.fault_orders: FaultOrders[Fault] = FaultOrders(self.random, "operation")
        self.fault_orders.add(scenario.fault)
        self.calls = Calls()
        self.subscriptions: dict[str, Subscription] = {}

    def create(
        self, dialect: Dialect, wanted: Wanted, owner: str, token_device: dict[str, Any] | None
    ) -> Subscription:
        """Create a subscription. Raises `Refused`."""
        device = self.identified(wanted.device, token_device, dialect.unsupported_device)
        limits, now = self.scenario.limits, self.clock.now()
        if limits.quota and sum(each.live for each in self.subscriptions.values()) >= limits.quota:
            raise Refused(429, "QUOTA_EXCEEDED", "Out of resource quota.")
        if self.scenario.creation.refuse_twins and self._twin(wanted, device):
            raise Refused(409, dialect.conflict, "The resource already exists.")
        found = Subscription(
            id=self.new_id(),
            dialect=dialect,
            wanted=wanted,
            owner=owner,
            device=device,
            from_token=wanted.device is None,
            created=now,
            starts=now,
            ends=_end(wanted, limits.max_seconds, now),
            status="ACTIVATION_REQUESTED",
        )
        self.subscriptions[found.id] = found
        after = self.scenario.creation.active_after
        if after:
            self.clock.at(now + timedelta(seconds=after), lambda: self._activate(found))
        else:
            self._activate(found)
        return found

    def end(self, found: Subscription, reason: str, *, notify: bool = True) -> None:
        """End a live subscription; its last notification goes out with its old token."""
        if found.there:
            found.status = events.ENDS[reason]
            if notify:
                self._send(found, found.dialect.end, lambda: events.ended(found, reason))

    def set_state(self, device: dict[str, Any], **state: Any) -> int:
        """Change the state of a device; returns how many subscriptions are notified."""
        now = self.devices.state(device)
        before = copy.copy(now)
        for name, value in state.items():
            setattr(now, name, value)
        now.since = self.clock.now()
        words = events.changes(before, now)
        return sum(
            self._tell(found, now, now.since)
            for found in list(self.subscriptions.values())
            if found.device == device and events.word(found.wanted.type) in words
        )

    def set_status(self, found: Subscription, status: str) -> None:
        """Set a subscription INACTIVE or ACTIVE, and notify where the version can."""
        found.status = status
        if found.dialect.started:
            self._send(
                found, "subscription-updated", lambda: events.updated(found, _UPDATES[status])
            )

    def new_id(self) -> str:
        """Return a UUID from the seed: 0.6 wants that form, the others take any text."""
        digits = f"{self.random.getrandbits(128):032x}"
        version = f"{digits[:12]}4{digits[13:16]}8{digits[17:]}"
        return "-".join((version[:8], version[8:12], version[12:16], version[16:20], version[20:]))

    def identified(
        self,
        sent: dict[str, Any] | None,
        token_device: dict[str, Any] | None,
        words: tuple[str, str] = ("UNSUPPORTED_IDENTIFIER", "SERVICE_NOT_APPLICABLE"),
    ) -> dict[str, Any]:
        """Return the device of a request, with one identifier.

        `words` are the codes for an identifier, and a device, that cannot be served. Raises
        `Refused` (CAMARA, "Identifying the device from the access token").
        """
        if token_device is not None:
            if sent is not None:
                said = "The device is already identified by the token."
                raise Refused(422, "UNNECESSARY_IDENTIFIER", said)
            return token_device
        if sent is None:
            raise Refused(422, "MISSING_IDENTIFIER", "The device cannot be identified.")
        supported = self.scenario.limits.device_identifiers
        status = 400 if words[0] == "INVALID_ARGUMENT" else 422
        if not (device := devices.chosen(sent, supported)):
            raise Refused(status, words[0], "The identifier provided is not supported.")
        if refuse := self.devices.state(device).refuse:
            code = words[1] if refuse == "SERVICE_NOT_APPLICABLE" else refuse
            raise Refused(404 if code.endswith("NOT_FOUND") else status, code)
        return device

    def _twin(self, wanted: Wanted, device: dict[str, Any]) -> bool:
        return any(
            each.live
            and each.device == device
            and each.wanted.type == wanted.type
            and each.wanted.sink.partition("?")[0] == wanted.sink.partition("?")[0]
            for each in self.subscriptions.values()
        )

    def _activate(self, found: Subscription) -> None:
        """Begin to send: `subscription-started` and `initialEvent`, if they are wanted."""
        if found.status != "ACTIVATION_REQUESTED":
            return
        found.status = "ACTIVE"
        if found.ends:
            self.clock.at(found.ends, lambda: self.end(found, "SUBSCRIPTION_EXPIRED"))
        if found.wanted.token_ends:
            # "Just before" the token ends, or the notice could not be delivered (event guide).
            last = found.wanted.token_ends - timedelta(seconds=1)
            self.clock.at(last, lambda: self.end(found, "ACCESS_TOKEN_EXPIRED"))
        if self.scenario.creation.started and found.dialect.started:
            self._send(found, "subscription-started", lambda: events.started(found))
        device = self.devices.state(found.device)
        if found.wanted.initial_event and events.word(found.wanted.type) in events.initial(device):
            self._tell(found, device)

    def _tell(self, found: Subscription, device: Device, happened: datetime | None = None) -> bool:
        """Send the event that a subscription is for; returns whether it was to be sent.

        `happened`: when, the same for all subscriptions to it; None: now.
        """
        if found.status != "ACTIVE":
            return False
        data = events.state(found, device)
        self._send(
            found, found.wanted.type.removeprefix(found.dialect.prefix), lambda: data, happened
        )
        found.sent += 1
        if found.sent == found.wanted.max_events:
            self.end(found, "MAX_EVENTS_REACHED")
        return True

    def _send(
        self,
        found: Subscription,
        last: str,
        data: Callable[[], dict[str, Any]],
        at: datetime | None = None,
    ) -> None:
        event_id, happened, said = self.new_id(), at or self.clock.now(), data()

        def event() -> dict[str, Any]:
            at_sending = self.scenario.notifications.time == "send"
            when = self.clock.now() if at_sending else happened
            return events.cloud_event(found, event_id, last, when, said)

        self.deliveries.send(found, event, lambda status: self._refused(found, status))

    def _refused(self, found: Subscription, status: int) -> None:
        """End a subscription as its sink demands: 401 expires it, 410 ends it (guide 2.2.3)."""
        self.end(found, "ACCESS_TOKEN_EXPIRED", notify=status == 401)


def _end(wanted: Wanted, longest: float, now: datetime) -> datetime | None:
    limit = now + timedelta(seconds=longest) if longest else None
    return min((each for each in (wanted.expires, limit) if each), default=None)
