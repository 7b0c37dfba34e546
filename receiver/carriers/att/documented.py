"""The two bodies AT&T documents, told by one typed decode: the door's short way.

What is not exactly that, a member more included, goes the long way (`body`, `shapes`), which knows
every other form. Whatever this accepts, the long way accepts too.
"""

from collections.abc import Callable
from typing import Annotated

import msgspec

_Filled = Annotated[str, msgspec.Meta(pattern=r"\S")]


class _Message(msgspec.Struct, rename="pascal", forbid_unknown_fields=True):
    """Receive SMS, in SMS API v3."""

    sender_address: _Filled
    destination_address: str
    message: str
    message_id: str
    date_time: str


class _Info(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    address: _Filled
    delivery_status: _Filled


class _Notification(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    message_id: str
    delivery_info: _Info


class _Status(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Receive SMS Delivery Status, in SMS API v3."""

    delivery_info_notification: _Notification


_message = msgspec.json.Decoder(_Message).decode
_status = msgspec.json.Decoder(_Status).decode


def is_message(body: bytes) -> bool:
    """Whether it is a mobile-originated SMS as documented."""
    return _is(_message, body)


def is_status(body: bytes) -> bool:
    """Whether it is a delivery status as documented."""
    return _is(_status, body)


def _is(decode: Callable[[bytes], object], body: bytes) -> bool:
    try:
        decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True
