"""Normalising CAMARA notifications: one event of ours for every one of theirs."""

from collections.abc import Callable
from datetime import tzinfo
from typing import Any, Final

from receiver.carriers.camara.device import device_of, international, name_of
from receiver.carriers.camara.event_types import Kind
from receiver.carriers.camara.notification import ReadNotification, read_notification
from receiver.carriers.carrier import Event, Rejected, Unreadable
from receiver.carriers.formats.cloudevent_text import attribute
from receiver.carriers.formats.json_body import as_raw
from receiver.contract.records import Notification

_REASONS: Final = ("terminationReason", "initiationReason", "updateReason")
_DESCRIPTIONS: Final = ("terminationDescription", "initiationDescription", "updateDescription")
"""Open sets, and free text before 0.6 ("Service terminates for lack of consent")."""


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
    """The device, else the subscription, else what the carrier calls its subject."""
    number = notice.data.get("phoneNumber")  # SIM swap has no device, only its number
    name = name_of(device) or name_of(number and {"phoneNumber": international(number)})
    return attribute(name or notice.subscription or notice.subject)


def _reachability(notice: ReadNotification, device: dict[str, Any] | None) -> dict[str, Any]:
    # There is no state in the data: the state is the type.
    return {"subscriptionId": notice.subscription, "device": device, **notice.meaning.says}


def _roaming(notice: ReadNotification, device: dict[str, Any] | None) -> dict[str, Any]:
    stated = _stated(notice, device)
    roaming = stated.get("roaming")
    return {
        "subscriptionId": notice.subscription,
        "device": device,
        "roaming": notice.meaning.says.get("roaming", roaming if type(roaming) is bool else None),
        "countryCode": stated.get("countryCode"),
        "countryName": _names(stated.get("countryName")),
    }


def _stated(notice: ReadNotification, device: dict[str, Any] | None) -> dict[str, Any]:
    # Some of CAMARA's examples of 0.5 have the country and the reason inside the device.
    return (device or {}) | notice.data


def _names(value: Any) -> Any:
    """A mobile country code can stand for several countries: a list in the schema, though many of
    CAMARA's own examples have a plain text.
    """
    return [value] if type(value) is str else value


def _lifecycle(notice: ReadNotification, device: dict[str, Any] | None) -> dict[str, Any]:
    stated = _stated(notice, device)
    return {
        "subscriptionId": notice.subscription,
        "device": device,
        "reason": _first(stated, _REASONS),
        "description": _first(stated, _DESCRIPTIONS),
    }


def _first(data: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((data[name] for name in names if data.get(name) is not None), None)


def _other(notice: ReadNotification, device: dict[str, Any] | None) -> dict[str, Any]:
    data = {"payload": notice.payload}
    return data | {"subscriptionId": notice.subscription} if notice.subscription else data


_DATA: Final[dict[Kind, Callable[[ReadNotification, dict[str, Any] | None], dict[str, Any]]]] = {
    "reachability": _reachability,
    "roaming": _roaming,
    "lifecycle": _lifecycle,
    "other": _other,
}
