"""The devices: how a request names one, and the state of each."""

import ipaddress
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from receiver.simulate.operator import scenario as scenarios
from receiver.simulate.operator.problems import Refused, invalid

_PHONE: Final = re.compile(r"\+[1-9][0-9]{4,14}").fullmatch
IDENTIFIERS: Final = ("phoneNumber", "ipv4Address", "ipv6Address", "networkAccessIdentifier")
"""In the order in which one is chosen when several are given."""


class Device(Struct):
    """A device as the network sees it now."""

    connectivity: frozenset[str] = frozenset({"DATA", "SMS"})
    roaming: bool = False
    country_code: int = 0
    country_name: tuple[str, ...] = ()
    since: datetime | None = None
    """When its state last changed; None: since before the start."""
    refuse: str = ""

    @property
    def reachability(self) -> str:
        """Return `data` whatever SMS does, `sms` for SMS alone, `disconnected`."""
        if "DATA" in self.connectivity:
            return "data"
        return "sms" if "SMS" in self.connectivity else "disconnected"


def checked(device: Any, place: str) -> dict[str, Any]:
    """Return the device object of a request. Raises `Refused` unless its schema is met."""
    if not isinstance(device, dict) or not device.keys() & set(IDENTIFIERS):
        raise invalid(place, "an object with at least one identifier")
    for name, is_good in _CHECKS.items():
        if name in device and not is_good(device[name]):
            raise invalid(f"{place}.{name}", "a value of the documented form")
    return device


def _is_ipv4(value: Any) -> bool:
    if not isinstance(value, dict) or "publicAddress" not in value:
        return False
    addresses = [value[name] for name in ("publicAddress", "privateAddress") if name in value]
    port = value.get("publicPort")
    more = "privateAddress" in value or port is not None
    good_port = port is None or (type(port) is int and 0 <= port <= 65535)
    return more and good_port and all(_is_address(each, 4) for each in addresses)


def _is_address(value: Any, version: int) -> bool:
    try:
        return isinstance(value, str) and ipaddress.ip_address(value).version == version
    except ValueError:
        return False


_CHECKS: Final[dict[str, Callable[[Any], bool]]] = {
    "phoneNumber": lambda value: isinstance(value, str) and _PHONE(value) is not None,
    "ipv4Address": _is_ipv4,
    "ipv6Address": lambda value: _is_address(value, 6),
    "networkAccessIdentifier": lambda value: isinstance(value, str) and bool(value),
}


def chosen(device: dict[str, Any], supported: Iterable[str]) -> dict[str, Any] | None:
    """Return the object with the one identifier that is used, or None when none is supported."""
    for name in IDENTIFIERS:
        if name in device and name in supported:
            return {name: device[name]}
    return None


def key(device: dict[str, Any]) -> str:
    """Return the name under which the state of a device with one identifier is kept."""
    [value] = device.values()
    return str(value["publicAddress"] if isinstance(value, dict) else value)


class Devices:
    """All devices. One that was never mentioned is reachable and at home."""

    def __init__(self, scenario: scenarios.Scenario) -> None:
        self._listed_only = scenario.known_devices == "listed"
        self._devices = {
            one.phone: Device(
                *(frozenset(one.connectivity), one.roaming, one.country_code, one.country_name),
                refuse=one.refuse,
            )
            for one in scenario.device
        }

    def state(self, device: dict[str, Any]) -> Device:
        """Return a device's state, to read or to change. Raises `Refused` for an unknown one."""
        name = key(device)
        if name not in self._devices and self._listed_only:
            raise Refused(404, "IDENTIFIER_NOT_FOUND", "Device identifier not found.")
        return self._devices.setdefault(name, Device())
