"""Delivery statuses that are asked for ("Get SMS Delivery Status", developer.att.com/sms/docs/v3).

AT&T: `{"DeliveryInfoList": {"DeliveryInfo": [{Id, Address, DeliveryStatus}], "ResourceUrl"}}`;
OneAPI the same in lower camel case, as JSON or XML. `Id` is a position, and the ResourceUrl in
AT&T's document names another message than was asked for: the message id is that of our own request.
"""

from datetime import tzinfo
from typing import Final, Literal
from urllib.parse import unquote

import msgspec
from msgspec import Raw, Struct

from receiver.carriers.att import callback_kind
from receiver.carriers.att.body import understand
from receiver.carriers.att.delivery_status import KIND, DeliveryInfo, is_final
from receiver.carriers.att.items import Item, Room, holds, sort
from receiver.carriers.carrier import (
    Event,
    Reading,
    RefusedItem,
    Rejected,
    Request,
    Unreadable,
)
from receiver.carriers.formats import phone_number
from receiver.carriers.formats.cloudevent_text import attribute
from receiver.carriers.formats.placeholder_id import identifies_nothing
from receiver.contract.records import Notification
from receiver.events.data import SmsDelivery

NAME: Final = "att.sms.outbox"
PUSHED: Final = "att.sms.delivery-status"
"""The callback that the same statuses are pushed to; theirs is the identity of ours."""
ENDED: Final = "application/vnd.receiver.watch-ended+json"
"""Content type of an `Ended`, which is no answer of the gateway's but what follows from having
none."""

Reason = Literal["gone", "expired"]


class Ended(Struct, frozen=True):
    """Nobody will learn any more what became of a message."""

    reason: Reason
    """`gone`: the gateway does not know the message id, or no more; `expired`: we stop asking."""
    address: str = ""
    """The one address without a final status; empty where there are several, or none is known."""
    answer: str = ""
    """The gateway's last answer, where it said that it knows nothing."""


encode_ended = msgspec.json.Encoder().encode
_decode_ended = msgspec.json.Decoder(Ended).decode


class Status(Struct, frozen=True):
    """What an answer says of one address."""

    address: str
    """As `phone_number.normal` has it: the gateway writes it with `tel:` or without."""
    status: str
    """The carrier's word, such as `DeliveredToTerminal`."""
    final: bool


def statuses(body: bytes, content_type: str, region: str = "US") -> list[Status]:
    """Return the statuses in an answer, which may be none; a number without a country code is one
    of the region. Raises `Rejected` for what is no such answer.
    """
    infos = [item.meaning for item in _items(body, content_type, Room(body))[0]]
    return [
        Status(phone_number.normal(one.address, region), one.status, is_final(one.status))
        for one in infos
    ]


def message_id(asked: str) -> str:
    """Return the message id in the path of a status request, in AT&T's, OneAPI's or GSMA's order.

    `…/outbox/{id}`, `…/requests/{sender}/{id}/deliveryInfos`, `…/requests/{id}/deliveryInfos`.
    """
    parts = [part for part in asked.split("/") if part]
    if parts and parts[-1].lower() == "deliveryinfos":
        parts.pop()
    return unquote(parts[-1]) if parts else ""


def read(request: Request) -> Reading:
    """Return the answer as one notification if it has a status, and what in it is none. Raises
    `Rejected`.
    """
    good, bad, _ = _items(request.body, request.content_type, Room(request.body))
    return Reading((request.body,) if good else (), tuple(bad), len(good))


def normalise(notification: Notification, zone: tzinfo, region: str = "US") -> list[Event]:
    """Return one event per address, or the one that says that no more is to come. Raises
    `Unreadable`.
    """
    asked = message_id(notification.asked)
    if identifies_nothing(asked):
        raise Unreadable("asked: no message id in it")
    if notification.content_type == ENDED:
        return [_ended(notification.body, asked, region)]
    try:
        room = Room(notification.body, stored=True)
        good, bad, raw = _items(notification.body, notification.content_type, room)
    except Rejected as wrong:
        raise Unreadable(wrong.reason) from None
    if not good:
        raise Unreadable(bad[0].reason if bad else "body: no status in it")
    kind = _kind_for(asked)
    found = [(kind, item) for item in good]
    return callback_kind.events(found, None if bad else raw, zone, region)


def _items(
    body: bytes, content_type: str, room: Room
) -> tuple[list[Item[DeliveryInfo]], list[RefusedItem], Raw | str]:
    value, raw = understand(body, content_type)
    if not holds(value, KIND.wrappers):
        raise Rejected("body: no DeliveryInfoList in it")
    good, bad = sort(value, KIND.wrappers, KIND.parse, room)
    # AT&T: DeliveryInfo may be null, which is a list without items.
    return good, [item for item in bad if item.body != b"null"], raw


def _kind_for(asked: str) -> callback_kind.Kind:
    """Return the kind of the statuses of one message: they are those that are pushed for it."""

    def event(info: DeliveryInfo, raw: Raw | str, zone: tzinfo, region: str) -> Event:
        named = DeliveryInfo(asked, (), info.address, info.status)
        return msgspec.structs.replace(KIND.event(named, raw, zone, region), identity_of=PUSHED)

    return msgspec.structs.replace(KIND, event=event)


def _ended(body: bytes, asked: str, region: str) -> Event:
    try:
        ended = _decode_ended(body)
    except msgspec.DecodeError:
        raise Unreadable("body: not the end of a watch") from None
    to = phone_number.normal(ended.address, region) if ended.address else None
    data: SmsDelivery = {
        "late": False,
        "messageId": asked,
        "to": to,
        "status": "unknown",
        "providerStatus": None,
        "final": True,
        "reason": ended.reason,
    }
    return Event(
        type="sms.delivery.updated.v1",
        data=data,
        raw=_raw(ended.answer),
        subject=attribute(to),
        identity=("message-id", asked, to or "", "ended", ended.reason),
        basis="composite",
        origin_id=attribute(asked),
        closes=(asked, to) if to else (),
        identity_of=PUSHED,
    )


def _raw(answer: str) -> Raw | str:
    try:
        return understand(answer.encode())[1] if answer else ""
    except Rejected:
        return answer
