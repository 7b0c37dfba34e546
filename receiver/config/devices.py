"""The devices of a set, from `receiver.toml` or from a file with one a line."""

import ipaddress
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

from msgspec import Struct, structs

from receiver.config import config_file
from receiver.config.polls import CamaraDevicePoll
from receiver.config.subscription_sets import SubscriptionSet

_PHONE: Final = re.compile(r"\+[1-9][0-9]{4,14}").fullmatch
_ACCESS_IDENTIFIER: Final = re.compile(r"[!-~]+@[!-~]+").fullmatch
_LARGEST: Final = 64 * 1024**2
SETTLED: Final = 2.0
"""Seconds for which a file must be as it is before it is taken: one that is being written may be
well so far, and ends within a number that is somebody else's."""
_PAST: Final = 60.0
"""Seconds that the clocks of two machines hardly differ by."""
WANTED: Final = (
    "a phone number such as +12065550100, an IP address or a network access identifier is wanted"
)


T = TypeVar("T", bound=Struct)


class DevicesError(Exception):
    """The devices of a set cannot be known; the message is one sentence, without a device."""


def beside(one: T, toml: Path) -> T:
    """Return a table with its file of devices, if it has one, resolved against the directory of
    `receiver.toml`.
    """
    file = getattr(one, "devices_file", "")
    return structs.replace(one, devices_file=str(toml.parent / file)) if file else one


def load_devices(one: SubscriptionSet | CamaraDevicePoll) -> list[dict[str, Any]]:
    """Load the devices of a set or poll, each once, as CAMARA writes them (Device). Raises
    `DevicesError`.
    """
    found: dict[str, dict[str, Any]] = {}
    for number, text in _texts(one):
        device = parse_device(text)
        if device is None:
            place = f"{one.devices_file}: line" if one.devices_file else "devices: number"
            raise DevicesError(f"{place} {number}: {WANTED}: nothing is changed")
        found[text] = device
    return list(found.values())


def faults(one: SubscriptionSet | CamaraDevicePoll) -> Iterator[tuple[int | None, str]]:
    """Return all that is wrong with the devices of a set or poll: the line of the file, or the
    number in `devices`, and what is wanted. None: it is the whole file.
    """
    try:
        for number, text in _texts(one):
            if parse_device(text) is None:
                yield number, WANTED
    except DevicesError as error:
        yield None, str(error).removesuffix(": nothing is changed")


def _texts(one: SubscriptionSet | CamaraDevicePoll) -> list[tuple[int, str]]:
    """Return number or line and text of each device. Raises `DevicesError`."""
    if one.devices:
        return list(enumerate(one.devices, 1))
    path = Path(one.devices_file)
    try:
        lines = config_file.octets(path, _LARGEST).decode("utf-8-sig").splitlines()
    except OSError as error:
        raise DevicesError(f"{path}: {error.strerror}: nothing is changed") from None
    except UnicodeDecodeError:
        raise DevicesError(f"{path}: it is not UTF-8: nothing is changed") from None
    except ValueError as error:
        raise DevicesError(f"{path}: {error}: nothing is changed") from None
    found = [(n, line.partition("#")[0].strip()) for n, line in enumerate(lines, 1)]
    if not any(text for _, text in found):
        raise DevicesError(f"{path}: there is no device in it: nothing is changed")
    return [(n, text) for n, text in found if text]


def file_stamp(one: SubscriptionSet | CamaraDevicePoll) -> tuple[int, ...]:
    """Return what changes with a set's file of devices, its rights included; empty: none there."""
    try:
        found = os.stat(one.devices_file) if one.devices_file else None
    except OSError:
        return ()
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino) if found else (0,)


class Stillness:
    """Tells whether nobody writes to a file of devices, by its stamp at each look. The times in a
    stamp are by the clock of its disk, another machine's perhaps: they only tell what is well past.
    """

    def __init__(self) -> None:
        self._stamp: tuple[int, ...] = ()
        self._since = 0.0

    def lasts(self, stamp: tuple[int, ...], seconds: float) -> bool:
        """Return whether the file has had this stamp for so many seconds."""
        if stamp != self._stamp:
            self._stamp, self._since = stamp, time.monotonic()
        changed = max(stamp[:2], default=0) / 1e9
        if not changed or time.time() - changed > max(_PAST, seconds):
            return True
        return time.monotonic() - self._since >= seconds


def parse_device(text: str) -> dict[str, Any] | None:
    """Parse a device into CAMARA's form (Device); None where the text is none.

    An IPv4 address may have its public port behind it: `84.125.93.10:59765`.
    """
    if _PHONE(text):
        return {"phoneNumber": text}
    if _ACCESS_IDENTIFIER(text):
        return {"networkAccessIdentifier": text}
    host, _, port = text.partition(":")
    try:
        if text.count(":") < 2:
            address = {"publicAddress": str(ipaddress.IPv4Address(host))}
            if not port:
                return {"ipv4Address": address | {"privateAddress": address["publicAddress"]}}
            if port.isascii() and port.isdigit() and int(port) < 65536:
                return {"ipv4Address": {**address, "publicPort": int(port)}}
            return None
        return {"ipv6Address": str(ipaddress.IPv6Address(text))}
    except ValueError:
        return None


def display_text(device: dict[str, Any]) -> str:
    """Return a device's identifier as text, for a person who asked for it."""
    for value in device.values():
        return str(value["publicAddress"]) if isinstance(value, dict) else str(value)
    return ""
