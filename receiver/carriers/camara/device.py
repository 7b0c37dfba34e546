"""CAMARA's device object, in all versions, and its name."""

from typing import Any, Final

from receiver.carriers.formats import phone_number

_EARLY_NAMES: Final = {
    "msisdn": "phoneNumber",
    "externalId": "networkAccessIdentifier",
    "ipv4Addr": "ipv4Address",
    "ipv6Addr": "ipv6Address",
}
"""`ueId` of the APIs of 2022 and 2023 to `device` of today (Commonalities, CAMARA_common.yaml)."""


def device_of(data: dict[str, Any]) -> dict[str, Any] | None:
    """Return the device, its phone number in E.164; None where it is left out, as it is under a
    three-legged token. Identifiers that are null are left out.
    """
    found = data.get("device", data.get("ueId"))
    if type(found) is not dict:
        return None
    device: dict[str, Any] = {}
    for name, value in found.items():
        if value is not None:
            device[_EARLY_NAMES.get(name) or name] = value
    if "phoneNumber" in device:
        device["phoneNumber"] = international(device["phoneNumber"])
    if type(device.get("ipv4Address")) is str:
        device["ipv4Address"] = {"publicAddress": device["ipv4Address"]}
    return device


def international(value: Any) -> Any:
    """Return a phone number in E.164. CAMARA's numbers are always international and have their `+`
    optionally (Commonalities up to 0.3), and an example's `+123456789` written without quotes in
    YAML arrives as a number; with an exponent from who keeps numbers as doubles.
    """
    if type(value) is float and value.is_integer():
        value = int(value)  # JSON knows one kind of number only (RFC 8259, section 6)
    digits = str(value) if type(value) is int else value
    if type(digits) is not str:
        return value
    digits = digits.strip()
    if digits[:2] != "00" and digits.isascii() and digits.isdigit() and 5 <= len(digits) <= 15:
        if digits[0] == "0":
            return digits  # no country code begins with it: of which country this is nobody says
        digits = "+" + digits
    return phone_number.normal(digits)


def name_of(device: dict[str, Any] | None) -> str | None:
    """Return the name of a device: its phone number, else its first identifier with a value."""
    if not device:
        return None
    if type(number := device.get("phoneNumber")) is str and number:
        return number
    return next((name for name in map(_identifier, device.values()) if name), None)


def _identifier(value: Any) -> str | None:
    if type(value) is dict:  # ipv4Address: publicAddress, privateAddress, publicPort
        return next((_identifier(inner) for inner in value.values() if type(inner) is str), None)
    return value if type(value) is str and value.strip() else None
