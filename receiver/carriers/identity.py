"""The identity of notifications: a digest that is equal for repeats, and the event's id made of it.

The event's id is that digest, so the same notification always gets the same id, and a repeat names
the event that it repeats.
"""

import hashlib
from datetime import UTC

import msgspec

from receiver.carriers.carrier import Event
from receiver.contract.records import Notification

_pack = msgspec.msgpack.Encoder().encode
_json = msgspec.json.Encoder(order="sorted").encode


def digest(*parts: str) -> bytes:
    """Make 16 bytes of `parts`, packed with their lengths: no two lists of parts run together."""
    return hashlib.blake2b(_pack(parts), digest_size=16).digest()


def identity(notification: Notification, event: Event) -> bytes:
    """Digest what tells this event apart on its listener; empty when nothing does."""
    if is_occurrence(notification, event):
        return _occurrence(notification, event)
    if not event.identity:
        return b""
    callback = event.identity_of or notification.callback
    return digest(callback, notification.listener, *event.identity)


def is_occurrence(notification: Notification, event: Event) -> bool:
    """Tell whether an event says what happened to a device, by a subscription of ours.

    While a subscription is renewed, two generations of it live, and each sends an event of its own
    with an id of its own: what they say makes the repeat.
    """
    ours = bool(notification.attempt) and event.type.startswith("device.")
    return ours and event.time is not None


def _occurrence(notification: Notification, event: Event) -> bytes:
    _, _, slot = notification.attempt.split(" ", 2)
    instant = event.time.astimezone(UTC).isoformat() if event.time else ""
    says = {name: value for name, value in event.data.items() if name != "subscriptionId"}
    where = (notification.callback, notification.listener, "occurrence", slot)
    return digest(*where, event.type, event.subject or "", instant, _json(says).decode())


def unique(notification: Notification, event: Event, index: int) -> bytes:
    """Digest where this event came in: for one that is never to be called a repeat.

    Stable when the same notification is replayed. A batch's notifications share their receipt, and
    may say the same.
    """
    item = (str(notification.item),) if notification.item else ()
    where = ("receipt", notification.receipt, str(index), *item)
    return digest(notification.callback, notification.listener, *where, *event.identity)
