"""The two bodies AT&T documents, recognised by one typed decode: the fast path of web process and
worker.

What is not exactly that, one member more included, takes the general path (`body`, `items`), which
knows every other form. What this accepts the general path accepts too, with the same meaning.
"""

from typing import Final, TypeVar

import msgspec

from receiver.carriers.att.items import blank


class Message(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True, gc=False):
    """The message of Receive SMS, SMS API v3."""

    sender_address: str
    destination_address: str
    message: str
    message_id: str
    date_time: str


class Info(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, gc=False):
    """The `deliveryInfo` of Receive SMS Delivery Status, SMS API v3."""

    address: str
    delivery_status: str


class Notification(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The `deliveryInfoNotification` of one message id."""

    message_id: str
    delivery_info: Info


class _Status(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Receive SMS Delivery Status, in SMS API v3."""

    delivery_info_notification: Notification


T = TypeVar("T")
_MESSAGE: Final = msgspec.json.Decoder(Message)
_STATUS: Final = msgspec.json.Decoder(_Status)


def message(body: bytes) -> Message | None:
    """Return the mobile-originated SMS where it is written as documented, else None."""
    found = _exactly(_MESSAGE, body)
    return None if found is None or blank(found.sender_address) else found


def status(body: bytes) -> Notification | None:
    """Return the delivery status where it is written as documented, else None."""
    whole = _exactly(_STATUS, body)
    if whole is None:
        return None
    found = whole.delivery_info_notification
    info = found.delivery_info
    return None if blank(info.address) or blank(info.delivery_status) else found


def _exactly(decoder: msgspec.json.Decoder[T], body: bytes) -> T | None:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
