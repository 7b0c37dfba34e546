"""Sent messages and their delivery statuses, which are read once when they are final."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from msgspec import Struct

from receiver.simulate.att_gateway.scenario import Scenario

FINAL: Final = ("DeliveredToTerminal", "DeliveryImpossible")
"""SMS API, Get SMS Delivery Status, Delivery Info Object."""
_MINUTES: Final = 30
"""Get SMS Delivery Status: removed when "thirty minutes have elapsed and the message has reached
a final state".
"""


class Recipient(Struct):
    """One address of a sent message, and its status."""

    address: str
    final: str
    """The status from `final_at` on; DeliveredToNetwork before."""
    final_at: datetime
    posted: bool = False
    """Its final status was posted to the listener."""

    def status(self, now: datetime) -> str:
        """Return the status at a time."""
        return self.final if now >= self.final_at else "DeliveredToNetwork"


class Sent(Struct):
    """A message that was accepted for delivery."""

    id: str
    sender: str
    text: str
    recipients: list[Recipient]
    notify: bool
    """Its statuses are posted, and cannot be read."""
    at: datetime
    taken: bool = False
    """Its final statuses were given away."""

    def is_final(self, now: datetime) -> bool:
        """Return whether every recipient's status is final."""
        return all(each.status(now) in FINAL for each in self.recipients)


class Outbox:
    """All sent messages, by id."""

    def __init__(self, scenario: Callable[[], Scenario], now: Callable[[], datetime]) -> None:
        self._scenario = scenario
        self._now = now
        self._random = Random(f"{scenario().seed}:sent")  # noqa: S311 - seeded, to be repeated
        self.sent: dict[str, Sent] = {}

    def add(
        self, addresses: Sequence[str], text: str, *, sender: str = "", notify: bool = False
    ) -> Sent:
        """Add a message for delivery. Ids that can be polled begin with SMS, the others are
        `0x...L` (SMS API, Send SMS).
        """
        now, settings = self._now(), self._scenario().sms
        final_at = now + timedelta(seconds=settings.final_after)
        recipients = [
            Recipient(each, FINAL[self._random.random() < settings.impossible], final_at)
            for each in addresses
        ]
        drawn = self._random.getrandbits(104)
        name = f"0x{drawn:026X}L" if notify else f"SMS{drawn & (1 << 64) - 1:016x}"
        found = Sent(name, sender, text, recipients, notify, now)
        self.sent[name] = found
        return found

    def find(self, name: str) -> Sent | None:
        """Return a message whose statuses can be read now."""
        found = self.sent.get(name)
        return found if found and self._state(found) == "open" else None

    def set_status(self, name: str, status: str, address: str = "") -> int:
        """Set the status of some recipients now. Returns of how many."""
        found = self.sent.get(name)
        chosen = [
            each
            for each in (found.recipients if found else ())
            if not address or each.address == address
        ]
        for each in chosen:
            each.final, each.final_at = status, self._now()
        return len(chosen)

    def counts(self) -> dict[str, int]:
        """Return how many messages are in which state."""
        states = [self._state(each) for each in self.sent.values()]
        names = ("open", "taken", "dropped", "pushed")
        return {"sent": len(states)} | {name: states.count(name) for name in names}

    def shown(self) -> list[dict[str, Any]]:
        """Return all messages for the records, without their texts."""
        now = self._now()
        return [
            {
                "id": each.id,
                "sender": each.sender,
                "state": self._state(each),
                "statuses": {one.address: one.status(now) for one in each.recipients},
            }
            for each in self.sent.values()
        ]

    def _state(self, sent: Sent) -> str:
        if sent.notify:
            return "pushed"
        if sent.taken:
            return "taken"
        since = max(each.final_at for each in sent.recipients)
        life = timedelta(seconds=_MINUTES * self._scenario().gateway.minute)
        now = self._now()
        return "dropped" if sent.is_final(now) and now >= since + life else "open"
