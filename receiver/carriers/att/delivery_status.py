"""Delivery statuses ("Receive SMS Delivery Status", developer.att.com/sms/docs/v3)."""

from datetime import tzinfo
from typing import Any, Final

from msgspec import Raw, Struct

from receiver.carriers.att import fast_path
from receiver.carriers.att.callback_kind import Kind
from receiver.carriers.att.items import REFERENCES, Fields, filled_text, identifier
from receiver.carriers.carrier import Event
from receiver.carriers.formats import phone_number
from receiver.carriers.formats.cloudevent_text import attribute
from receiver.carriers.formats.placeholder_id import identifies_nothing
from receiver.events.data import SmsDelivery, Status
from receiver.events.event_types import Basis

_WRAPPERS: Final = {
    name.lower(): name for name in ("deliveryInfoNotification", "deliveryInfoList", "deliveryInfo")
}

# AT&T documents the first three; ParlayX SMS 2.2 and OneAPI have the rest. An open set.
_STATUS: Final[dict[str, Status]] = {
    "deliveredtonetwork": "sent",
    "deliveredtoterminal": "delivered",
    "deliveryimpossible": "failed",
    "messagewaiting": "waiting",
    "deliveryuncertain": "uncertain",
    "deliverynotificationnotsupported": "unknown",
}
_FINAL: Final = frozenset({"delivered", "failed"})


def is_final(status: str) -> bool:
    """Return whether a carrier's word says that nothing more is to come."""
    return _STATUS.get(status.strip().lower()) in _FINAL


class DeliveryInfo(Struct, frozen=True):
    """The delivery status of one message at one address."""

    message_id: str | None
    reference: tuple[str, ...]
    """Where there is no message id: what names the request that the message was sent with."""
    address: str
    status: str


def _as_documented(found: fast_path.Notification) -> DeliveryInfo:
    return DeliveryInfo(
        None if identifies_nothing(found.message_id) else found.message_id,
        (),
        found.delivery_info.address,
        found.delivery_info.delivery_status.strip(),
    )


def _info(fields: Fields) -> DeliveryInfo:
    return DeliveryInfo(
        message_id=identifier(fields, "messageid"),
        reference=_reference(fields),
        address=filled_text(fields, "address", "address"),
        status=filled_text(fields, "deliverystatus", "deliveryStatus").strip(),
    )


def _event(info: DeliveryInfo, raw: Raw | str, _zone: tzinfo, region: str) -> Event:
    to = phone_number.normal(info.address, region)
    status = _STATUS.get(info.status.lower(), "unknown")
    # `late` stays first: whoever knows of an earlier final status turns it in the finished text.
    data: SmsDelivery = {
        "late": False,
        "messageId": info.message_id,
        "to": to,
        "status": status,
        "providerStatus": info.status,
        "final": status in _FINAL,
    }
    identity, basis, closes = _identity(info, to)
    return Event(
        type="sms.delivery.updated.v1",
        data=data,
        raw=raw,
        subject=attribute(to),
        identity=identity,
        basis=basis,
        origin_id=attribute(info.message_id),
        closes=closes,
    )


def _identity(info: DeliveryInfo, to: str) -> tuple[tuple[str, ...], Basis, tuple[str, ...]]:
    """Return identity, basis and what a final status settles. One message id covers every recipient
    (AT&T: "one notification message per destination address"), so address and status are part of
    the identity. OneAPI has references instead.
    """
    if info.message_id:
        return ("message-id", info.message_id, to, info.status), "composite", (info.message_id, to)
    if info.reference:
        identity = ("reference", *info.reference, to, info.status)
        return identity, "composite", ("reference", *info.reference, to)
    return (), "none", ()


def _reference(fields: Fields) -> tuple[str, ...]:
    """Return what refers to the request; empty where nothing does. `callbackData` alone does not:
    it is whatever the company wrote into its subscription or request (OneAPI SMS, "Notify the
    application about delivery status"), often the same every time.
    """
    found = [*_links(fields.get("link")), *(identifier(fields, name) for name in REFERENCES)]
    if not any(found):
        return ()
    return tuple(one or "" for one in (identifier(fields, "callbackdata"), *found))


def _links(value: Any) -> list[str]:
    """Return the links' targets, except a subscription's, which all of its statuses share."""
    links = value if type(value) is list else [value]
    parts = [one if type(one) is dict else {"href": one} for one in links]
    return [
        href
        for part in parts
        if (href := identifier(part, "href")) and "subscription" not in f"{part}".lower()
    ]


KIND: Final = Kind(
    wrappers=_WRAPPERS,
    documented=fast_path.status,
    item=_as_documented,
    parse=_info,
    event=_event,
)
