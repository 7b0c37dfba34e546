"""The kind `camara-device`: asks an operator how devices are, and stores what has changed.

The first look at a device stores its state and publishes nothing: nobody knows whether it changed.
"""

import asyncio
import time
from typing import Any, Final

import msgspec

from receiver.carriers import camara
from receiver.carriers.camara.device_status import states
from receiver.config import devices
from receiver.config.devices import DevicesError
from receiver.config.polls import CamaraDevicePoll
from receiver.contract.redis_keys import poll_devices, polled_device
from receiver.contract.stored_values import decoded
from receiver.outbound import Limits, OperatorClient, device_status
from receiver.outbound.device_status import DeviceStatus
from receiver.outbound.operator_credentials import credentials
from receiver.polling.rounds import Kind, Outcome, Round, Site

_PATIENCE: Final = 15.0
"""Seconds for which a round waits for a file that is being written."""
_LOOK: Final = 0.1


class Seen(msgspec.Struct, frozen=True):
    """The last state of a device that is stored."""

    states: dict[str, dict[str, Any]]
    since: dict[str, int]
    """When each was first seen: milliseconds since 1970."""

    def __post_init__(self) -> None:
        """Raise `ValueError` for a record that somebody else wrote."""
        if self.states.keys() != self.since.keys():
            raise ValueError("each state has a time")


_decode = msgspec.json.Decoder(Seen).decode


class DevicePoll(Kind):
    """The devices of one poll, at one operator."""

    def __init__(self, poll: CamaraDevicePoll, site: Site) -> None:
        """Raises `receiver.outbound.operator_credentials.NotConfigured`."""
        self._poll = poll
        self._site = site
        self._still = devices.Stillness()
        named = (one for one in site.settings.operators if one.name == poll.operator)
        self._operator = next(named)
        limits = Limits(rate=self._operator.rate, concurrency=self._operator.concurrency)
        who = credentials(self._operator, site.settings.operator_variables)
        self._client = OperatorClient(who, limits)
        site.closing.push_async_callback(self._client.close)

    async def round(self) -> Round:
        """Ask for each device, one after the other. Raises one of `DOWN_ON_THE_LOOP`."""
        await self._file_is_whole()
        try:
            wanted = devices.load_devices(self._poll)
        except DevicesError as error:
            return Round("refused", str(error))
        receipt = self._site.shelf.receipts.new(time.time_ns() // 1_000_000)
        asked, changes, answered, trouble = 0, 0, 0, ""
        throttled = self._client.traffic.requests["429"]
        for device in wanted:
            if self._site.stopping():
                break
            asked += 1
            status = await device_status.ask(self._client, self._operator, device)
            trouble = trouble or next(iter(status.faults.values()), "")
            answered += bool(states(status.printed()))
            changes += await self._compare(device, status)
        if not asked:
            await self._site.store.count(receipt, "skipped")
            return Round("skipped", "the process is to end", 0.0)
        outcome: Outcome = (
            "messages" if changes else "empty" if answered else self._silence(throttled)
        )
        await self._site.store.count(receipt, outcome, changes)
        return Round(outcome, trouble)

    def _silence(self, throttled: int) -> Outcome:
        """Return why nothing was told of any device; `throttled`: answers 429 before this round."""
        traffic = self._client.traffic
        if traffic.unauthorised:
            return "unauthorised"
        return "throttled" if traffic.requests["429"] > throttled else "unreachable"

    async def _file_is_whole(self) -> None:
        """Wait, for a while at most, until nobody writes to the file of devices any more."""
        until = time.monotonic() + _PATIENCE
        while not self._still.lasts(devices.file_stamp(self._poll), devices.SETTLED):
            if self._site.stopping() or time.monotonic() > until:
                return
            await asyncio.sleep(_LOOK)

    async def _compare(self, device: dict[str, Any], status: DeviceStatus) -> int:
        """Store what has changed, then the new state; returns how many changes there are.

        A process that dies in between finds the same change again, and it is recognised: `since` is
        still that of the state before.
        """
        key, name = poll_devices(self._poll.name), polled_device(device)
        before = decoded(_decode, await self._site.redis.hget(key, name)) or Seen({}, {})
        found = _told(status, before)
        changed = [
            each
            for each, state in found.items()
            if each in before.states and not _same(before.states[each], state)
        ]
        for each in changed:
            await self._append(device, status, before.since[each], each)
        if any(not _same(before.states.get(each), state) for each, state in found.items()):
            now = time.time_ns() // 1_000_000
            since = {
                each: before.since[each] if _same(before.states.get(each), state) else now
                for each, state in found.items()
            }
            after = Seen(before.states | found, before.since | since)
            encoded = msgspec.json.encode(after)
            await self._site.redis.hset(key, name, encoded.decode())
        return len(changed)

    async def _append(
        self, device: dict[str, Any], status: DeviceStatus, since: int, change: str
    ) -> None:
        # Without an answer of its own it stands in the one about connectivity (`_told`).
        shown_by = "reachability" if change in status.faults else change
        said = status.printed() | {"lastStatusTime": status.times.get(shown_by)}
        del said["faults"]
        body = msgspec.json.encode(
            {"device": device, "status": said, "since": since, "changes": [change]}
        )
        await self._site.append(camara.DEVICE_STATUS, [body])


def _told(status: DeviceStatus, before: Seen) -> dict[str, dict[str, Any]]:
    """Return what a status says, without a roaming that is as before where that has no answer of
    its own: AT&T's answer about connectivity says it too, but not in which country.
    """
    found = states(status.printed())
    known = before.states.get("roaming", {}).get("roaming")
    if "roaming" in status.faults and found.get("roaming", {}).get("roaming") == known:
        found.pop("roaming", None)
    return found


def _same(one: dict[str, Any] | None, other: dict[str, Any]) -> bool:
    """Return whether two states say the same: neither ways nor countries have an order."""
    return one is not None and _unordered(one) == _unordered(other)


def _unordered(state: dict[str, Any]) -> dict[str, Any]:
    return {
        name: sorted(map(str, said)) if type(said) is list else said for name, said in state.items()
    }
