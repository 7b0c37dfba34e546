"""Normalising CAMARA notifications: one event of ours for every one of theirs."""

from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import Any, Final

from receiver.carriers.camara.device import device_of, international, name_of
from receiver.carriers.camara.event_types import Kind
from receiver.carriers.camara.notification import ReadNotification, read_notification
from receiver.carriers.camara.values import country_code, country_names, first_text, flag
from receiver.carriers.carrier import Event, Rejected, Unreadable
from receiver.carriers.formats.cloudevent_text import attribute
from receiver.carriers.formats.json_body import as_raw
from receiver.contract.records import Notification
from receiver.events.data import CamaraEvent, DeviceReachability, DeviceRoaming, SubscriptionChange

_REASONS: Final = ("terminationReason", "initiationReason", "updateReason")
_DESCRIPTIONS: Final = ("terminationDescription", "initiationDescription", "updateDescription")
"""Open sets, and free text before 0.6 ("Service terminates for lack of consent")."""

_Device = dict[str, Any] | None


def normalise(notification: Notification, zone: tzinfo) -> list[Event]:
    """Return exactly one event. Only times of the form before CloudEvents can be without a zone."""
    try:
        notice = read_notification(notification.body, zone)
    except Rejected as fault:
        raise Unreadable(fault.reason) from None
    device = device_of(notice.data)
    return [
        Event(
            type=notice.meaning.event,
            data=_DATA[notice.meaning.kind](notice, device),
            raw=as_raw(notification.body),
            subject=_subject(notice, device),
            time=notice.time,
            identity=notice.identity,
            basis=notice.basis,
            origin_type=attribute(notice.type),
            origin_id=attribute(notice.id),
            origin_source=notice.source,
        )
    ]


def _subject(notice: ReadNotification, device: dict[str, Any] | None) -> str | None:
    """Return the device, else the subscription, else what the carrier calls the subject."""
    number = notice.data.get("phoneNumber")  # SIM swap has no device, only its number
    name = name_of(device) or name_of(number and {"phoneNumber": international(number)})
    return attribute(name or notice.subscription or notice.subject)


def _reachability(notice: ReadNotification, device: _Device) -> DeviceReachability:
    # There is no state in the data: the state is the type.
    return {
        "subscriptionId": notice.subscription,
        "device": device,
        "reachable": notice.meaning.says["reachable"],
        "connectivity": notice.meaning.says["connectivity"],
    }


def _roaming(notice: ReadNotification, device: _Device) -> DeviceRoaming:
    stated = _stated(notice, device)
    return {
        "subscriptionId": notice.subscription,
        "device": device,
        "roaming": notice.meaning.says.get("roaming", flag(stated.get("roaming"))),
        "countryCode": country_code(stated.get("countryCode")),
        "countryName": country_names(stated.get("countryName")),
    }


def _stated(notice: ReadNotification, device: _Device) -> dict[str, Any]:
    # Some of CAMARA's examples of 0.5 have the country and the reason inside the device.
    return (device or {}) | notice.data


def _lifecycle(notice: ReadNotification, device: _Device) -> SubscriptionChange:
    stated = _stated(notice, device)
    return {
        "subscriptionId": notice.subscription,
        "device": device,
        "reason": first_text(stated, _REASONS),
        "description": first_text(stated, _DESCRIPTIONS),
    }


def _other(notice: ReadNotification, _device: _Device) -> CamaraEvent:
    data: CamaraEvent = {"payload": notice.payload}
    if notice.subscription:
        data["subscriptionId"] = notice.subscription
    return data


_DATA: Final[dict[Kind, Callable[[ReadNotification, _Device], Mapping[str, Any]]]] = {
    "reachability": _reachability,
    "roaming": _roaming,
    "lifecycle": _lifecycle,
    "other": _other,
}
