"""The interface of a carrier module: a `Callback`, made of pure functions.

A carrier takes bytes and returns values: no clock, no network, no queue, no framework. `read` runs
in the web process and only decides whether this is what the carrier sends; `normalise` runs in a
worker and returns what it means.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, Final

from msgspec import Raw, Struct
from msgspec.structs import replace

from receiver.contract.records import Notification
from receiver.events.event_types import Basis


class Rejected(Exception):
    """The request is not what this carrier sends. The only exception hostile input may cause.

    `status` is 400 or 415; `reason` names the fault's path and never quotes a value of the body.
    """

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class Unreadable(Exception):
    """A stored notification has no meaning here: a dead letter. Quotes no value of the body."""


class Unverified(Exception):
    """The request does not bear its carrier's signature. It is counted and never kept."""


class Request(Struct, frozen=True):
    """The part of an HTTP request that a carrier may examine."""

    content_type: str
    """As sent; empty when there was none."""
    headers: Sequence[tuple[bytes, bytes]]
    """Names in lower case, values as sent, in the order sent."""
    body: bytes


class RefusedItem(Struct, frozen=True):
    """An item of a batch that was not accepted, with the reason."""

    reason: str
    body: bytes


MAX_REFUSED_ITEMS: Final = 1000
"""A list with more bad items than this is refused as a whole: nobody but an attacker sends it."""


class Reading(Struct, frozen=True):
    """What is stored of a request: one body per notification, and a batch's bad items."""

    accepted: tuple[bytes, ...]
    refused: tuple[RefusedItem, ...] = ()
    items: int = 0
    """Of a polled page: how many items it has that are as they should be."""
    pending: int = 0
    """Of a polled page: how many more its gateway says there are."""

    def each(self, change: Callable[[bytes], bytes]) -> "Reading":
        """Return a reading whose bodies have gone through `change`."""
        refused = (RefusedItem(item.reason, change(item.body)) for item in self.refused)
        return replace(self, accepted=tuple(map(change, self.accepted)), refused=tuple(refused))


class Event(Struct, frozen=True, kw_only=True):
    """The content of one event of ours."""

    type: str
    """Such as `sms.message.received.v1`."""
    data: Mapping[str, Any]
    """The event's data without `raw`, in the shape that `receiver.events.data` has for the type."""
    raw: Raw | str
    """The carrier's whole body: `Raw` where it is JSON, text where it is XML or a form. Where the
    body holds several items: this event's own item, as JSON."""
    subject: str | None = None
    """The address or device it is about."""
    time: datetime | None = None
    """When it happened, with a zone; None when the carrier did not say it readably."""
    identity: tuple[str, ...] = ()
    """What makes two notifications on one listener the same; empty: never called a duplicate."""
    basis: Basis = "none"
    identity_of: str = ""
    """The callback among whose notifications it is a repeat; empty for its own. What is polled is
    the same as what is pushed."""
    origin_type: str | None = None
    origin_id: str | None = None
    origin_source: str | None = None
    item: tuple[int, int] | None = None
    """Which of how many items of its body it is, from 1; None where the body is one item."""
    closes: tuple[str, ...] = ()
    """Delivery status only: what a final status settles, such as (messageId, address). A status
    for something that is already settled is published with `late: true`."""


def as_items(events: list[Event]) -> list[Event]:
    """Return the events of one body, each with which of how many it is; one alone needs none."""
    if len(events) == 1:
        return events
    return [replace(event, item=(n, len(events))) for n, event in enumerate(events, 1)]


class Acknowledgement(Struct, frozen=True):
    """What a carrier wants to hear, once its notification is durable, in place of 204."""

    status: int
    """A 2xx."""
    content_type: str
    body: bytes


class Callback(Struct, frozen=True, kw_only=True):
    """One route of one carrier: how requests are recognised, normalised and answered."""

    name: str
    """The word for it in the store, in logs and in metrics, such as `att.sms.mo`."""
    path: str
    """Its route without the listener, such as `/att/sms/mo`."""
    read: Callable[[Request], Reading]
    """Raises `Rejected`."""
    normalise: Callable[..., list[Event]]
    """Takes a `Notification` and the `tzinfo` for times that carry none, and makes at least one
    event of it. Raises `Unreadable`."""
    problem: Callable[[int, str], tuple[str, bytes]]
    """(status, message) -> content type and body of an error answer this carrier understands."""
    private: Callable[[bytes], bytes] | None = None
    """Takes a body, one that `read` has made or a refused one as it came, and returns it without
    the texts of a private mailbox. Raises `Rejected` where it cannot tell; never for what `read`
    has made. Runs before anything is stored, unless the listener has `inbox_text`."""
    verify: Callable[[Request, Sequence[str], int], None] | None = None
    """For a carrier that signs the body: takes the whole request, the secrets of this callback
    (at least one) and the time of receipt in milliseconds since 1970. Runs before `read`, and only
    for requests with a valid credential. Raises `Unverified`."""
    acknowledgement: Acknowledgement | None = None
    """None: 204 without a body."""
    content: dict[str, Any] = {}
    """What OpenAPI says of the body: media type -> its schema and examples; empty: anything."""
    regional: bool = False
    """Whether `normalise` also takes the region (ISO 3166, such as `US`) for numbers that come
    without a country code."""
    handshake: bool = False
    """Whether its senders may ask by OPTIONS for leave to send (CloudEvents web hooks, 4)."""
    salvage: Callable[[bytes], bytes | None] | None = None
    """Of a polled page that is cut or cannot be read: takes its bytes and returns a page that
    `read` accepts, with every complete item of it in order, or None where there is none."""

    def events(self, notification: Notification, place: tuple[tzinfo, str]) -> list[Event]:
        """Return the events of `notification` on a listener in this zone and region, at least one.
        Raises `Unreadable`.
        """
        return self.normalise(notification, *(place if self.regional else place[:1]))
