"""One change to a subscriber's mailbox, as the poller writes it onto the inbound stream.

A delta has ids and flags, a list has messages: neither alone says what has changed. So the poller
joins them: `{"change", "mailbox", "state", "message"}`, where `message` is the network's own.
"""

import hashlib
from datetime import tzinfo
from typing import Any

import msgspec
from msgspec import Struct

from receiver.carriers.att.items import fields_of, identifier
from receiver.carriers.att.mailbox_message import Change, event, flags
from receiver.carriers.carrier import Event, Reading, Rejected, Request, Unreadable
from receiver.carriers.formats.json_body import as_raw, json_value
from receiver.contract.records import Notification


class MailboxChange(Struct, frozen=True, kw_only=True):
    """What has become of one message."""

    change: Change
    mailbox: str
    """Whose it is, as the poll names it."""
    state: str = ""
    """The state since which a delta showed it, or which a list was pinned to."""
    message: dict[str, Any]


encode = msgspec.json.Encoder().encode


def read(request: Request) -> Reading:
    """Check that a body is one change. Raises `Rejected`."""
    _change(request.body)
    return Reading((request.body,))


def normalise(notification: Notification, zone: tzinfo, region: str = "US") -> list[Event]:
    """Return the event of a change. Raises `Unreadable`."""
    try:
        found = _change(notification.body)
    except Rejected as fault:
        raise Unreadable(fault.reason) from None
    message = fields_of(found.message)
    raw = as_raw(notification.body)
    identity = _identity(found, message) or _only_here(notification)
    return [event(found.change, found.mailbox, message, raw, (zone, region), identity)]


def _identity(found: MailboxChange, message: dict[str, Any]) -> tuple[str, ...]:
    """Return the identity of a change; empty where it names no message. A message is added and
    deleted once; its flags change to and fro, so the identity of an update has the state too.
    """
    name = identifier(message, "messageid")
    if not name:
        return ()
    identity = ("message", found.mailbox, name, found.change)
    if found.change == "updated":
        return (*identity, flags(message), found.state) if found.state else ()
    return identity


def _only_here(notification: Notification) -> tuple[str, ...]:
    """Return the identity of a change that names no message: many may stand under one receipt."""
    return "unnamed", notification.receipt, hashlib.sha256(notification.body).hexdigest()


def _change(body: bytes) -> MailboxChange:
    try:
        return msgspec.convert(json_value(body), MailboxChange)
    except msgspec.ValidationError:
        raise Rejected("body: no change to a mailbox") from None
