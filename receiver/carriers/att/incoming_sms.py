"""Mobile-originated SMS ("Receive SMS", developer.att.com/sms/docs/v3)."""

import re
from datetime import datetime, tzinfo
from typing import Final

from msgspec import Raw, Struct

from receiver.carriers.att import fast_path, message_content
from receiver.carriers.att.callback_kind import Kind
from receiver.carriers.att.items import Fields, filled_text, first_text, identifier, optional_text
from receiver.carriers.carrier import Event
from receiver.carriers.formats import phone_number, timestamp
from receiver.carriers.formats.cloudevent_text import attribute
from receiver.carriers.formats.placeholder_id import identifies_nothing
from receiver.carriers.formats.unicode_hex import candidates
from receiver.events.data import SmsMessage
from receiver.events.event_types import Basis

_WRAPPERS: Final = {
    name.lower(): name
    for name in (
        "inboundSMSMessageNotification",  # OneAPI
        "inboundSMSMessageList",
        "inboundSMSMessage",
        "inboundMessageNotification",  # OMA messaging
        "inboundMessageList",
        "inboundMessage",
    )
}
is_position: Final = re.compile(r"msg[0-9]{1,4}").fullmatch
"""AT&T's lists number their messages `msg0`, `msg1`, and begin anew each time: no id."""


_FIRST_YEAR: Final = 2000
"""A time before it (1970, 1900, the year 1) is that of a clock that nobody has set."""
_NEVER_SET: Final = re.compile(
    r"(?:[0-9]{1,2}[-/.][0-9]{1,2}[-/.])?000[01](?![0-9])|-[0-9]+$"
).match
"""Matches such a time where it cannot be read: year 0 or 1 (which begins in year 0 east of UTC), at
the beginning or after day and month, or a number before 1970.
"""


class Mo(Struct, frozen=True):
    """One mobile-originated message as the carrier wrote it."""

    sender: str
    destination: str | None
    text: str
    message_id: str | None
    date_time: str | None


def _as_documented(found: fast_path.Message) -> Mo:
    return Mo(
        found.sender_address,
        found.destination_address,
        found.message,
        None if identifies_nothing(found.message_id) else found.message_id,
        found.date_time,
    )


def message(fields: Fields) -> Mo:
    """Return an item's message. Raises `Rejected`."""
    # AT&T's lists leave out the destination and the time; "for this release" MessageId "is empty".
    return Mo(
        sender=filled_text(fields, "senderaddress", "SenderAddress"),
        destination=first_text(fields, "destinationaddress", "DestinationAddress"),
        text=message_content.message_text(fields),
        message_id=identifier(fields, "messageid"),
        date_time=optional_text(fields, "datetime", "DateTime"),
    )


def event(message: Mo, raw: Raw | str, zone: tzinfo, region: str) -> Event:
    """Return what a message means; `raw` is what it stood in."""
    sender = phone_number.normal(message.sender, region)
    destination = phone_number.normal(message.destination or "", region) or None
    data: SmsMessage = {
        "from": sender,
        "to": destination,
        "text": message.text,
        "messageId": message.message_id,
    }
    if decoded := candidates(message.text):
        data["decodedText"] = decoded
    time = timestamp.read(message.date_time, zone)
    identity, basis = _identity(message, sender, destination or "", time)
    return Event(
        type="sms.message.received.v1",
        data=data,
        raw=raw,
        subject=attribute(sender),
        time=time,
        identity=identity,
        basis=basis,
        origin_id=attribute(message.message_id),
    )


def _identity(
    message: Mo, sender: str, destination: str, time: datetime | None
) -> tuple[tuple[str, ...], Basis]:
    """Return identity and basis. The whole message is part of the identity, because an id alone may
    be constant or a counter that began anew; without id and time there is none, because two equal
    texts of one sender may well be two messages.
    """
    when = "" if _no_time(message.date_time, time) else message.date_time or ""
    said = (sender, destination, when, message.text)
    if message.message_id and not is_position(message.message_id):
        return ("message-id", message.message_id, *said), "provider-id"
    return (("fingerprint", *said), "fingerprint") if when else ((), "none")


def _no_time(written: str | None, time: datetime | None) -> bool:
    """Return whether the time is a placeholder or the beginning of a calendar: it identifies
    nothing.
    """
    if time is not None:
        return time.year < _FIRST_YEAR
    return not written or identifies_nothing(written) or _NEVER_SET(written.strip()) is not None


KIND: Final = Kind(
    wrappers=_WRAPPERS,
    documented=fast_path.message,
    item=_as_documented,
    parse=message,
    event=event,
)
