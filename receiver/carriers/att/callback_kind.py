"""What AT&T's two callbacks share: from a body to items of one kind, and from items to events.

OneAPI's senders may put notifications of both kinds into one body. Then both come out, whichever
of the two addresses it was sent to.
"""

from collections.abc import Callable
from datetime import tzinfo
from typing import Any

import msgspec
from msgspec import Raw, Struct

from receiver.carriers.att.body import is_plain, understand
from receiver.carriers.att.items import Fields, Item, Room, Wrappers, holds, sort
from receiver.carriers.carrier import (
    Event,
    Reading,
    RefusedItem,
    Rejected,
    Request,
    Unreadable,
    as_items,
)
from receiver.carriers.formats.json_body import as_raw
from receiver.contract.records import Notification


class Kind(Struct, frozen=True, kw_only=True):
    """The kind of a callback's items: messages, or delivery statuses."""

    wrappers: Wrappers
    documented: Callable[[bytes], Any]
    """A body that is exactly as documented, else None: the short way."""
    item: Callable[[Any], Any]
    """The one item of such a body."""
    parse: Callable[[Fields], Any]
    """An item. Raises `Rejected`."""
    event: Callable[[Any, Raw | str, tzinfo, str], Event]
    """An item, the body, and the listener's zone and region, to what it means."""


def read(own: Kind, other: Kind, request: Request) -> Reading:
    """Check that a body has at least one item of the callback's kind. Raises `Rejected`."""
    body, content_type = request.body, request.content_type
    if (body.isascii() or is_plain(body, content_type)) and own.documented(body):
        return Reading((body,))
    _, bad = _items(understand(body, content_type)[0], own, other, Room(body))
    return Reading((body,), tuple(bad))


def normalise(
    own: Kind, other: Kind, notification: Notification, zone: tzinfo, region: str = "US"
) -> list[Event]:
    """Return one event per item; of several, each has its own item as `raw` and says which of how
    many it is. Raises `Unreadable`, though not for what `read` accepted.
    """
    body, content_type = notification.body, notification.content_type
    if is_plain(body, content_type) and (found := own.documented(body)):
        return [own.event(own.item(found), as_raw(body), zone, region)]
    try:
        value, raw = understand(body, content_type)
        items, bad = _items(value, own, other, Room(body, stored=True))
    except Rejected as fault:
        raise Unreadable(fault.reason) from None
    return events(items, None if bad else raw, zone, region)


def events(
    items: list[tuple[Kind, Item[Any]]], raw: Raw | str | None, zone: tzinfo, region: str
) -> list[Event]:
    """Return the events of the items of a body, which goes as `raw` into the event of one alone;
    None where others in it were refused, for those may be about somebody else.
    """
    if len(items) == 1 and raw is not None:
        (kind, item), *_ = items
        return [kind.event(item.meaning, raw, zone, region)]
    parts = ((kind, item.meaning, Raw(msgspec.json.encode(item.written))) for kind, item in items)
    return as_items([kind.event(meaning, part, zone, region) for kind, meaning, part in parts])


def _items(
    value: Any, own: Kind, other: Kind, room: Room
) -> tuple[list[tuple[Kind, Item[Any]]], list[RefusedItem]]:
    """Return the items of both kinds, and those refused. Items of the other kind count only beside
    ones of the address' own: alone they show that the wrong address was registered, and the body
    is refused.
    """
    good, bad = sort(value, own.wrappers, own.parse, room)
    found = [(own, item) for item in good]
    if (found or holds(value, own.wrappers)) and holds(value, other.wrappers):
        more, worse = sort(value, other.wrappers, other.parse, room)
        found += [(other, item) for item in more]
        bad += worse
    if not found:
        raise Rejected(bad[0].reason if bad else "body: no item in it")
    return found, bad
