"""The last event of each slot, and what its device's last events stated.

A slot that is silent is judged by them days later, so they are stored for the next controller.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

import msgspec

from receiver.contract.redis_keys import subscriptions_last_events
from receiver.contract.stored_values import decoded, text
from receiver.subscriptions.lease import Lease
from receiver.subscriptions.slots import Slot

_AT_ONCE: Final = 500
"""Slots of one command: Redis does nothing else meanwhile, and takes no notification in."""

Kind = Literal["reachability", "roaming"]
_decode = msgspec.json.Decoder(tuple[float, Any, str]).decode
"""Decodes when an event came, its kind and what it stated."""


class LastEvents:
    """One operator's. Times are seconds since 1970 by Redis' clock."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._key = subscriptions_last_events(lease.operator)
        self._new: dict[Any, Any] = {}
        self._stated: dict[tuple[str, Kind], tuple[float, str]] = {}
        """Device and kind -> when an event stated it, and the state."""
        self.times: dict[str, float] = {}
        """Slot -> when its last event came."""

    def state(self, slot: Slot, kind: Kind) -> str:
        """Return what the last event of a slot's device stated; empty where none has come."""
        return self._stated.get((str(slot.device), kind), (0.0, ""))[1]

    def note(self, slot: Slot, event_type: str, data: dict[str, Any]) -> None:
        """Record an event of a slot; `write` stores it."""
        now = self._lease.now()
        self.times[slot.id] = now
        kind, state = _stated(event_type, data)
        if state:
            self._stated[str(slot.device), kind] = (now, state)
        self._new[slot.id] = msgspec.json.encode([round(now, 3), kind, state])

    async def write(self) -> None:
        """Store what is new."""
        if self._new:
            new, self._new = self._new, {}
            await self._lease.client.hset(self._key, mapping=new)

    async def load(self, known: Mapping[str, str]) -> None:
        """Load what is stored of these slots (id -> device); delete what is stored of others.

        A time that is still to come is that of a clock which has jumped back since.
        """
        now, client, gone = self._lease.now(), self._lease.client, []
        async for name, value in client.hscan_iter(self._key, count=_AT_ONCE):
            device, found = known.get(text(name)), decoded(_decode, value)
            if device is None or found is None:
                gone.append(name)
                continue
            at, kind, state = min(found[0], now), *found[1:]
            self.times[text(name)] = at
            if state and kind in get_args(Kind):
                self._stated[device, kind] = max(
                    self._stated.get((device, kind), (0.0, "")), (at, state)
                )
        for begin in range(0, len(gone), _AT_ONCE):
            await client.hdel(self._key, *gone[begin : begin + _AT_ONCE])


def reachability(document: dict[str, Any]) -> str:
    """Return `data`, `sms` or `disconnected` (ReachabilityStatusResponse, and our events)."""
    if document.get("reachable") is not True:
        return "disconnected"
    connectivity = document.get("connectivity")
    return "data" if isinstance(connectivity, list) and "DATA" in connectivity else "sms"


def roaming(value: object) -> str:
    """Return `on` or `off` for true and false; empty where a network did not say."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else ""


def _stated(event_type: str, data: dict[str, Any]) -> tuple[Kind, str]:
    if event_type == "device.reachability.changed.v1":
        return "reachability", reachability(data)
    return "roaming", roaming(data.get("roaming"))
