"""The two bodies AT&T documents, told by one typed decode: the short way of door and worker.

What is not exactly that, a member more included, goes the long way (`body`, `shapes`), which knows
every other form. What this accepts the long way accepts too, and it means the same there.
"""

from typing import Final, TypeVar

import msgspec

from receiver.carriers.att.items import blank


class Message(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True, gc=False):
    """Receive SMS, in SMS API v3."""

    sender_address: str
    destination_address: str
    message: str
    message_id: str
    date_time: str


class Info(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, gc=False):
    """What became of the message."""

    address: str
    delivery_status: str


class Notification(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Of one message id."""

    message_id: str
    delivery_info: Info


class _Status(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Receive SMS Delivery Status, in SMS API v3."""

    delivery_info_notification: Notification


T = TypeVar("T")
_MESSAGE: Final = msgspec.json.Decoder(Message)
_STATUS: Final = msgspec.json.Decoder(_Status)


def message(body: bytes) -> Message | None:
    """The mobile-originated SMS, where it is written as documented."""
    found = _exactly(_MESSAGE, body)
    return None if found is None or blank(found.sender_address) else found


def status(body: bytes) -> Notification | None:
    """The delivery status, where it is written as documented."""
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
