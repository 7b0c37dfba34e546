"""Building the CloudEvent of a carrier's event, and the digests that recognise duplicates of it."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple, get_args

import msgspec
from cloudevents.core.v1.event import CloudEvent

from receiver.carriers.carrier import Callback, Event
from receiver.carriers.identity import digest, identity, is_occurrence, unique
from receiver.contract.records import Notification
from receiver.events.event_types import Basis
from receiver.events.schema_uri import DATA_SCHEMAS
from receiver.runtime.moment import rfc3339

_json = msgspec.json.Encoder().encode


class Claim(NamedTuple):
    """Hold the four arguments of `publish.lua` for one event, in this order."""

    identity: bytes
    """16 bytes that are the same for the same notification; empty when nothing tells it apart."""
    settles: bytes
    """16 bytes for what a final status settles; empty for other events."""
    mark: bytes
    """The first letter of its basis, then `1` when it is a final status."""
    document: bytes
    """The CloudEvent as JSON."""


def claim(
    callback: Callback,
    notification: Notification,
    event: Event,
    index: int,
    *,
    repeats: bool = False,
) -> Claim:
    """Build the claim of one event.

    The event's id is its identity in hex, or without one made of receipt and index. With `repeats`
    (a listener that has duplicates published too) nothing has an identity.
    """
    known = b"" if repeats else identity(notification, event)
    basis = event.basis if known else "none"
    if known and is_occurrence(notification, event):
        basis = "composite"
    name = known or unique(notification, event, index)
    callback_name = event.identity_of or notification.callback
    settles = (callback_name, notification.listener, "settles", *event.closes)
    return Claim(
        known,
        digest(*settles) if event.closes else b"",
        _MARKS[basis, event.data.get("final") is True],
        _document(callback, notification, event, name.hex(), basis),
    )


_MARKS: Final = {
    (basis, final): basis[:1].encode() + b"1" * final
    for basis in get_args(Basis)
    for final in (False, True)
}


def _document(
    callback: Callback, notification: Notification, event: Event, name: str, basis: Basis
) -> bytes:
    """Return the CloudEvent as JSON: the SDK validates its form, msgspec encodes (ten times as
    fast). Raises `CloudEventValidationError`.
    """
    received, received_text = _instant(notification.received)
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": name,
        "type": event.type,
        "source": f"{callback.path}/{notification.listener}",
        "time": event.time.astimezone(UTC) if event.time else received,
        "datacontenttype": "application/json",
        "receivedtime": received_text,
        "receiptid": notification.receipt,
        "identitybasis": basis,
        "timebasis": "sender" if event.time else "receipt",
    }
    if schema := DATA_SCHEMAS.get(event.type):
        attributes["dataschema"] = schema
    if event.subject:
        attributes["subject"] = event.subject
    if event.origin_type:
        attributes["origintype"] = event.origin_type
    if event.origin_id:
        attributes["originid"] = event.origin_id
    if event.origin_source:
        attributes["originsource"] = event.origin_source
    if event.item:
        attributes["item"], attributes["items"] = event.item
    if notification.attempt:
        attempt, generation, slot = notification.attempt.split(" ", 2)
        attributes["subscriptionattempt"] = attempt
        attributes["subscriptionset"] = slot.partition(":")[0]
        attributes["generation"] = int(generation)
    form = (event.type, *attributes)
    if form not in _valid_forms:
        CloudEvent(dict(attributes))
        _valid_forms.add(form)
    attributes["data"] = {**event.data, "raw": event.raw}
    return _json(attributes)


_valid_forms: Final[set[tuple[str, ...]]] = set()
"""Type and names of attributes of events that the SDK has validated. It looks at which attributes
an event has, that they are texts and not empty, and that the time has a zone. All but the first is
so by the way events are built here, so one event of each form speaks for all: validating each took
a third of a worker's time."""


@lru_cache(maxsize=16)
def _instant(milliseconds: int) -> tuple[datetime, str]:
    """Return a time and its RFC 3339 text; cached, since a burst has many of one millisecond."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment, rfc3339(moment)
