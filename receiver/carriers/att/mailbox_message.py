"""A message of a subscriber's mailbox, and the event that a change to it becomes.

In-App Messaging v2 as AT&T's own SDKs read it. Its published OpenAPI document differs in small
things (texts in place of `{value}`, times with a zone); both are read.
"""

import re
from datetime import tzinfo
from typing import Any, Final, Literal

from msgspec import Raw

from receiver.carriers.att.items import Fields, fields_of, identifier
from receiver.carriers.carrier import Event
from receiver.carriers.formats import phone_number, timestamp
from receiver.carriers.formats.cloudevent_text import attribute
from receiver.events.data import Attachment, Direction, InboxMessage, InboxMessageSaid, Segment

Change = Literal["added", "updated", "deleted"]

_CHANNELS: Final = {"text": "sms", "sms": "sms", "mms": "mms"}
_DIRECTIONS: Final[dict[bool | None, Direction]] = {True: "incoming", False: "outgoing", None: None}
_TRUE: Final = frozenset({"true", "1"})
_FALSE: Final = frozenset({"false", "0"})
_PRIVATE: Final = frozenset({"text", "subject"})
_LAST_NUMBER: Final = re.compile(r"/parts?/([0-9]{1,4})/?$").search


def flag(value: Any) -> bool | None:
    """Return a truth value, also where it is written as a text; None for anything else."""
    word = str(value).strip().lower() if isinstance(value, bool | str | int) else ""
    return True if word in _TRUE else False if word in _FALSE else None


def flags(message: dict[str, Any]) -> str:
    """Return the flags of a message, whose members are under lower-case names, as two letters:
    unread and favorite, each `1`, `0` or `-` where it is not said.
    """
    letters = {True: "1", False: "0", None: "-"}
    return letters[flag(message.get("isunread"))] + letters[flag(message.get("isfavorite"))]


def without_text(value: Any) -> Any:
    """Copy a JSON value without the members that hold what somebody wrote: `text`, `subject`."""
    if type(value) is dict:
        kept = {key: inner for key, inner in value.items() if key.lower() not in _PRIVATE}
        return {key: without_text(inner) for key, inner in kept.items()}
    return list(map(without_text, value)) if type(value) is list else value


def event(
    change: Change,
    mailbox: str,
    message: Fields,
    raw: Raw | str,
    place: tuple[tzinfo, str],
    identity: tuple[str, ...],
) -> Event:
    """Return the event of a change to a message, whose members are under lower-case names.

    `identity` is empty for what nothing tells apart. Only of what was added the message's own time
    is when it happened.
    """
    zone, region = place
    data: InboxMessage = {"mailbox": mailbox, **said(message, region)}
    time = _text(message.get("timestamp")) if change == "added" else None
    subject = (
        data["from"] if data["direction"] != "outgoing" else next(iter(data["recipients"]), "")
    )
    return Event(
        type=f"inbox.message.{change}.v1",
        data=data,
        raw=raw,
        subject=attribute(subject),
        time=timestamp.read(time, zone),
        identity=identity,
        basis="composite" if identity else "none",
        origin_id=attribute(data["messageId"]),
    )


def said(message: Fields, region: str) -> InboxMessageSaid:
    """Return what a message says, in our words; null or an empty list where it does not say."""
    more = fields_of(message.get("typemetadata"))
    return {
        "messageId": identifier(message, "messageid"),
        "direction": _DIRECTIONS[flag(message.get("isincoming"))],
        "channel": _channel(message.get("type")),
        "from": _address(message.get("from"), region),
        "recipients": _addresses(message.get("recipients"), region),
        "text": _text(message.get("text")),
        "subject": _text(more.get("subject")) or _text(message.get("subject")),
        "unread": flag(message.get("isunread")),
        "favorite": flag(message.get("isfavorite")),
        "segment": _segment(more),
        "attachments": _attachments(message.get("mmscontent")),
    }


def _text(value: Any) -> str | None:
    return value if type(value) is str else None


def _channel(value: Any) -> str | None:
    word = (_text(value) or "").strip().lower()
    return _CHANNELS.get(word, word) or None


def _address(value: Any, region: str) -> str | None:
    found = value if type(value) is str else fields_of(value).get("value")
    return phone_number.normal(found, region) if type(found) is str and found.strip() else None


def _addresses(value: Any, region: str) -> list[str]:
    several = value if type(value) is list else [value]
    return [found for one in several if (found := _address(one, region))]


def _segment(more: Fields) -> Segment | None:
    """Return which part of a long SMS this is; None where it is none."""
    details = fields_of(more.get("segmentationdetails"))
    found: Segment = {
        "reference": _whole(details.get("segmentationmsgrefnumber")),
        "part": _whole(details.get("thispartnumber")),
        "parts": _whole(details.get("totalnumberofparts")),
    }
    return found if any(one is not None for one in found.values()) else None


def _whole(value: Any) -> int | None:
    if type(value) is str and value.isascii() and value.isdigit() and len(value) < 12:
        return int(value)
    return value if type(value) is int and abs(value) < 10**12 else None


def _attachments(value: Any) -> list[Attachment]:
    """Return the attachments' metadata. Contents stay at the network, for whoever has the
    subscriber's consent.
    """
    found = [fields_of(one) for one in (value if type(value) is list else [value])]
    return [
        {
            "part": _part(one.get("contenturl"), index),
            "name": _text(one.get("contentname")),
            "contentType": _text(one.get("contenttype")),
            "kind": (_text(one.get("type")) or "").lower() or None,
        }
        for index, one in enumerate(found)
        if one
    ]


def _part(url: Any, index: int) -> int:
    number = _LAST_NUMBER(url) if type(url) is str else None
    return int(number[1]) if number else index
