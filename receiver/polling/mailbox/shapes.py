"""What the answers of In-App Messaging say, as plain values. No request is made here.

Two descriptions exist and differ: AT&T's SDKs (`delta` in blocks by type, `messageList`) and its
OpenAPI document (`addedMessages`, `messageResultSet`). Both are read, in any case of names.
"""

from typing import Any, Final, Literal, NamedTuple

from receiver.carriers.att.items import fields_of
from receiver.carriers.att.mailbox_message import Change

Status = Literal["ready", "building", "missing"]

_STATUS: Final[dict[str, Status]] = {
    "initialized": "ready",
    "complete": "ready",
    "initializing": "building",
    "in_progress": "building",
}
_BLOCK: Final[tuple[tuple[str, Change], ...]] = (
    ("adds", "added"),
    ("updates", "updated"),
    ("deletes", "deleted"),
)
_FLAT: Final[tuple[tuple[str, Change], ...]] = (
    ("addedmessages", "added"),
    ("updatedmessages", "updated"),
    ("deletedmessages", "deleted"),
)


class NotUnderstood(Exception):
    """An answer is none of these. The message names what is missing, and quotes nothing."""


class IndexInfo(NamedTuple):
    """The state of the gateway's index of a mailbox."""

    status: Status
    state: str
    """From where a delta can be asked for; empty where it does not say."""


class Changed(NamedTuple):
    """What has become of one message."""

    change: Change
    id: str
    message: dict[str, Any]
    """As much of it as the answer has, under the gateway's own names."""


class Delta(NamedTuple):
    """What has changed since a state."""

    state: str
    changes: list[Changed]
    """What was added, then what was updated, then what was deleted."""


class Page(NamedTuple):
    """A part of a list of messages."""

    messages: list[dict[str, Any]]
    failed: list[str]
    """Ids of messages that the gateway could not read just now."""
    total: int | None
    """How many there are in all; None where it does not say."""
    state: str
    ready: bool = True
    """Whether it is made from a whole index, as far as it says: without one it may be empty."""


def index_info(document: Any) -> IndexInfo:
    """Read the answer about an index. Raises `NotUnderstood`."""
    found = fields_of(fields_of(document).get("messageindexinfo"))
    word = found.get("status")
    if type(word) is not str:
        raise NotUnderstood("messageIndexInfo.status is missing")
    return IndexInfo(_status(word), _text(found.get("state")))


def delta(document: Any) -> Delta:
    """Read a delta. Raises `NotUnderstood`."""
    found = fields_of(fields_of(document).get("deltaresponse"))
    state = _text(found.get("state"))
    if not state:
        raise NotUnderstood("deltaResponse.state is missing")
    blocks = [*map(fields_of, _listed(found.get("delta")))]
    changes = [one for block in blocks for one in _changes(block, _BLOCK, block.get("type"))]
    changes += _changes(found, _FLAT, None)
    order = [change for _, change in _BLOCK]
    return Delta(state, sorted(changes, key=lambda one: order.index(one.change)))


def page(document: Any) -> Page:
    """Read a list of messages. Raises `NotUnderstood`."""
    whole = fields_of(document)
    found = fields_of(whole.get("messagelist") or whole.get("messageresultset"))
    if "messages" not in found:
        raise NotUnderstood("messageList.messages is missing")
    messages = [_object(one) for one in _listed(found["messages"]) if message_id(one)]
    failed = [one for one in map(message_id, _listed(found.get("failedmessages"))) if one]
    total = _whole(found.get("total", found.get("totalcount")))
    cache = found.get("cachestatus")
    ready = type(cache) is not str or _status(cache) == "ready"
    return Page(messages, failed, total, _text(found.get("state")), ready)


def message(document: Any) -> dict[str, Any]:
    """Read the answer with one message. Raises `NotUnderstood`."""
    found = fields_of(document).get("message")
    if not message_id(found) or type(found) is not dict:
        raise NotUnderstood("message.messageId is missing")
    return found


def message_id(value: Any) -> str:
    """Return the id of a message, or one that stands alone; empty where there is none."""
    found = fields_of(value).get("messageid") if type(value) is dict else value
    return str(found) if type(found) is int else _text(found)


def _status(word: str) -> Status:
    return _STATUS.get(word.strip().lower(), "missing")


def _changes(
    block: dict[str, Any], names: tuple[tuple[str, Change], ...], kind: Any
) -> list[Changed]:
    found = []
    for name, change in names:
        for item in _listed(block.get(name)):
            if id_ := message_id(item):
                own = _object(item)
                about = {"type": kind} if kind and "type" not in fields_of(own) else {}
                found.append(Changed(change, id_, {**own, **about}))
    return found


def _object(item: Any) -> dict[str, Any]:
    """Return a message; of one that is its id alone one with that id."""
    return item if type(item) is dict else {"messageId": message_id(item)}


def _listed(value: Any) -> list[Any]:
    return value if type(value) is list else [] if value in (None, "") else [value]


def _text(value: Any) -> str:
    return value.strip() if type(value) is str else str(value) if type(value) is int else ""


def _whole(value: Any) -> int | None:
    if type(value) is str and value.isascii() and value.isdigit() and len(value) < 12:
        return int(value)
    return value if type(value) is int else None
