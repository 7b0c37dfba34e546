"""Pages of polled messages: the answer to Get SMS, in AT&T's signature and in GSMA OneAPI's.

Sources: AT&T SMS API v3, "Get SMS"; GSMA OneAPI SMS 2.0, "Retrieve messages sent to your web
application"; AT&T's own samples (an empty inbox is `InboundSmsMessage: []`). A message may be one
object in place of a list, the whole may be XML, names come in any case, counts as text, number,
empty or null. AT&T's messages name neither their time nor their destination, and their `msg0` is a
position in the answer: it begins anew with each.
"""

from datetime import tzinfo
from math import inf
from typing import Any, Final

import msgspec
from msgspec import Struct

from receiver.carriers.att import incoming_sms
from receiver.carriers.att.body import understand
from receiver.carriers.att.items import Fields, fields_of
from receiver.carriers.carrier import (
    MAX_REFUSED_ITEMS,
    Event,
    Reading,
    RefusedItem,
    Rejected,
    Request,
    Unreadable,
    as_items,
)
from receiver.carriers.formats import phone_number
from receiver.contract.records import Notification

LIST: Final = "inboundsmsmessagelist"
MESSAGES: Final = "inboundsmsmessage"
_PENDING: Final = "totalnumberofpendingmessages"
_SHOWN: Final = "InboundSmsMessageList"


class Page(Struct, frozen=True):
    """One page as it was understood."""

    items: tuple[Any, ...]
    """In order; each is to be a message."""
    pending: int
    """How many more the gateway says it has; 0 where it does not say."""


class _Message(Struct, frozen=True):
    position: int
    """In the page, counting what is no message too."""
    item: dict[str, Any]
    mo: incoming_sms.Mo


def page(body: bytes, content_type: str = "") -> Page:
    """Return what a body says. Raises `Rejected` for one that is no page."""
    value, _ = understand(body, content_type)
    whole = fields_of(value)
    if LIST not in whole and MESSAGES not in whole:
        raise Rejected(f"{_SHOWN}: missing")
    found = whole.get(LIST, value)
    if type(found) is not dict:
        return Page(_listed(found), 0)
    inside = fields_of(found)
    return Page(_listed(inside.get(MESSAGES)), _count(inside.get(_PENDING)))


def read(request: Request) -> Reading:
    """Return the page as one notification if it has a message, and what in it is none. Raises
    `Rejected`.
    """
    found = page(request.body, request.content_type)
    good, bad = _sorted(found, MAX_REFUSED_ITEMS)
    return Reading((request.body,) if good else (), tuple(bad), len(good), found.pending)


def normalise(notification: Notification, zone: tzinfo, region: str = "US") -> list[Event]:
    """Return one event for each message. Raises `Unreadable`."""
    try:
        found = page(notification.body, notification.content_type)
    except Rejected as fault:
        raise Unreadable(fault.reason) from None
    good, _ = _sorted(found, inf)  # an older version may have taken more
    if not good:
        raise Unreadable("body: no message in it")
    return as_items([_event(one, notification, zone, region) for one in good])


def _event(one: _Message, notification: Notification, zone: tzinfo, region: str) -> Event:
    """Return the event of one message, identified by its place in the page: equal messages are
    different ones. `raw` is the message's own part of the page: the whole page in each of its
    events would grow with its square.
    """
    event = incoming_sms.event(one.mo, msgspec.Raw(msgspec.json.encode(one.item)), zone, region)
    data = event.data
    if not data["to"]:
        to = phone_number.normal(registration(notification.asked), region) or None
        data = {**data, "to": to}
    identity = ("page", notification.receipt, str(one.position))
    return msgspec.structs.replace(event, data=data, identity=identity, basis="none")


def registration(asked: str) -> str:
    """Return the registration that a request's path names, in either signature."""
    parts = asked.rstrip("/").split("/")
    if parts[-1].lower() == "messages":
        parts.pop()
    return parts[-1]


def _sorted(found: Page, most_bad: float) -> tuple[list[_Message], list[RefusedItem]]:
    good: list[_Message] = []
    bad: list[RefusedItem] = []
    for position, item in enumerate(found.items):
        try:
            if type(item) is not dict:
                raise Rejected("an object is wanted")
            good.append(_Message(position, item, _mo(fields_of(item))))
        except Rejected as fault:
            where = f"{_SHOWN}.InboundSmsMessage[{position}]"
            bad.append(RefusedItem(f"{where}: {fault.reason}", msgspec.json.encode(item)))
            if len(bad) > most_bad:
                raise Rejected("body: too many items that are no messages") from None
    return good, bad


def _mo(fields: Fields) -> incoming_sms.Mo:
    mo = incoming_sms.message(fields)
    position = mo.message_id and incoming_sms.is_position(mo.message_id)
    return msgspec.structs.replace(mo, message_id=None) if position else mo


def _listed(value: Any) -> tuple[Any, ...]:
    if value in (None, "", {}):
        return ()
    return tuple(value) if type(value) is list else (value,)


def _count(value: Any) -> int:
    text = str(value).strip() if type(value) in (int, float, str) else ""
    text = text.removesuffix(".0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
