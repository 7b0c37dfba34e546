"""The identity of notifications: a digest that is equal for repeats, and the event's id made of it.

The event's id is that digest, so the same notification always gets the same id, and a repeat names
the event that it repeats.
"""

import hashlib

import msgspec

from receiver.carriers.carrier import Event
from receiver.contract.records import Notification

_pack = msgspec.msgpack.Encoder().encode


def digest(*parts: str) -> bytes:
    """Make 16 bytes of `parts`, packed with their lengths: no two lists of parts run together."""
    return hashlib.blake2b(_pack(parts), digest_size=16).digest()


def identity(notification: Notification, event: Event) -> bytes:
    """Digest what tells this event apart on its listener; empty when nothing does."""
    if not event.identity:
        return b""
    return digest(notification.callback, notification.listener, *event.identity)


def unique(notification: Notification, event: Event, index: int) -> bytes:
    """Digest where this event came in: for one that is never to be called a repeat.

    Stable when the same notification is replayed. A batch's notifications share their receipt.
    """
    where = ("receipt", notification.receipt, str(index))
    return digest(notification.callback, notification.listener, *where, *event.identity)
