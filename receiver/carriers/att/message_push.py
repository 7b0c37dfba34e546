"""Changes to mailboxes that AT&T pushes (`POST /notification/v1/channels`, serviceName MIM).

One body has the events of several subscriptions. Each event is stored by itself, in the wrappers it
came in, so that no subscriber's event carries another's.
"""

from collections.abc import Iterator
from datetime import tzinfo
from typing import Any, Final

import msgspec
from msgspec import Raw

from receiver.carriers.att.body import understand
from receiver.carriers.att.items import Room, fields_of, filled_text, identifier
from receiver.carriers.att.mailbox_message import Change, event, flags, without_text
from receiver.carriers.carrier import (
    MAX_REFUSED_ITEMS,
    Event,
    Reading,
    RefusedItem,
    Rejected,
    Request,
    Unreadable,
)
from receiver.carriers.formats.json_body import as_raw, json_value
from receiver.contract.records import Notification

_WORDS: Final[dict[str, Change]] = {
    "add": "added", "new": "added", "creat": "added", "recei": "added",
    "delet": "deleted", "remov": "deleted",
    "upd": "updated", "modif": "updated", "chang": "updated",
}  # fmt: skip
"""How the words for a change begin; AT&T's list of them is not published."""
_CHANNELS: Final = frozenset({"text", "sms", "mms"})

_encode = msgspec.json.Encoder().encode


def read(request: Request) -> Reading:
    """Return a notification for each event. Raises `Rejected` where there is none, or where their
    subscriptions say so much for so many that they would fill the store.
    """
    value, _ = understand(request.body, request.content_type)
    room = Room(request.body)
    accepted: list[bytes] = []
    refused: list[RefusedItem] = []
    for path, subscription, item in _events(value):
        piece = _encode(_wrapped(subscription, item))
        room.take(len(piece) - _WRAPPERS)
        try:
            filled_text(fields_of(item), "messageid", "messageId")
            accepted.append(piece)
        except Rejected as fault:
            refused.append(RefusedItem(path + fault.reason, piece))
        if len(refused) > MAX_REFUSED_ITEMS:
            raise Rejected("body: too many bad items")
    if not accepted:
        raise Rejected(refused[0].reason if refused else "body: no notificationEvents in it")
    return Reading(tuple(accepted), tuple(refused))


def private(body: bytes) -> bytes:
    """Return a body as JSON without the texts of its messages. Raises `Rejected` for what is no
    JSON object, in which nobody can say where a text is.
    """
    value, written = understand(body)
    if type(value) is not dict or type(written) is not Raw:
        raise Rejected("body: a JSON object is wanted")
    return _encode(without_text(value))


def normalise(notification: Notification, zone: tzinfo, region: str = "US") -> list[Event]:
    """Return the event of each change in a body. Raises `Unreadable`."""
    try:
        value = json_value(notification.body)
        found = [
            _event(subscription, fields_of(item), notification, (zone, region))
            for _, subscription, item in _events(value)
        ]
    except Rejected as fault:
        raise Unreadable(fault.reason) from None
    if not found:
        raise Unreadable("body: no notificationEvents in it")
    return found


def _event(
    subscription: dict[str, Any],
    item: dict[str, Any],
    notification: Notification,
    place: tuple[tzinfo, str],
) -> Event:
    words = [word for name in ("event", "eventtype") if type(word := item.get(name)) is str]
    change = _change(words)
    channel = next((word for word in words if word.strip().lower() in _CHANNELS), None)
    name = identifier(subscription, "subscriptionid") or ""
    mailbox = identifier(subscription, "callbackdata") or name or notification.listener
    message_id = identifier(item, "messageid")
    identity: tuple[str, ...] = ("message", name, mailbox, message_id or "", change)
    if change == "updated" or not message_id:
        # Flags change to and fro, and no state says which time it is: nothing else repeats it.
        identity += (flags(item), notification.receipt)
        identity += (str(notification.item),) if notification.item else ()
    raw = as_raw(notification.body)
    made = event(change, mailbox, {"type": channel, **item}, raw, place, identity)
    thread = identifier(item, "conversationthreadid")
    data = {**made.data, "subscriptionId": name or None, "conversationId": thread}
    return msgspec.structs.replace(made, data=data)


def _change(words: list[str]) -> Change:
    """Return the kind of change; "updated" where no word is known: something has changed."""
    for word in words:
        for beginning, change in _WORDS.items():
            if word.strip().lower().startswith(beginning):
                return change
    return "updated"


def _events(value: Any) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Yield the path of each event, its subscription's members, and the event."""
    inner = fields_of(fields_of(value).get("messagenotifications"))
    path = "messageNotifications.subscriptionNotifications"
    for i, one in enumerate(_listed(inner.get("subscriptionnotifications"))):
        subscription = fields_of(one)
        for j, item in enumerate(_listed(subscription.get("notificationevents"))):
            yield f"{path}[{i}].notificationEvents[{j}].", subscription, item


def _listed(value: Any) -> list[Any]:
    """Return a list; one object stands for a list of one, as in XML it always does."""
    return value if type(value) is list else [value] if type(value) is dict else []


def _wrapped(subscription: dict[str, Any], item: Any) -> dict[str, Any]:
    names = {"subscriptionid": "subscriptionId", "callbackdata": "callbackData"}
    about = {shown: subscription[name] for name, shown in names.items() if name in subscription}
    one = {**about, "notificationEvents": [item]}
    return {"messageNotifications": {"subscriptionNotifications": [one]}}


_WRAPPERS: Final = len(_encode(_wrapped({}, None)))
"""Bytes that stand around each event whatever its subscription says."""
