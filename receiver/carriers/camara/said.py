"""What a notification says of itself, in either form: CloudEvents, or the one before."""

import binascii
import hashlib
from datetime import datetime, tzinfo
from typing import Any, Final

from msgspec import Struct

from receiver.carriers import moment
from receiver.carriers.callback import Basis, Rejected
from receiver.carriers.camara.content_type import parse
from receiver.carriers.camara.envelope import is_cloudevent, is_early, whole
from receiver.carriers.camara.types import Meaning, early_meaning_of, meaning_of
from receiver.carriers.decode import json_value

_JSON: Final = "application/json"
"""What data is when nothing says otherwise (CloudEvents JSON format, section 3.1)."""


class Said(Struct, frozen=True, kw_only=True):
    """One notification, its envelope read and its data not yet."""

    meaning: Meaning
    type: str
    id: str | None
    source: str | None = None
    time: datetime | None
    subject: str | None = None
    subscription: str | None
    payload: Any
    identity: tuple[str, ...]
    basis: Basis

    @property
    def data(self) -> dict[str, Any]:
        """The payload where it is an object, as every CAMARA API's is."""
        return self.payload if type(self.payload) is dict else {}


def said(body: bytes, zone: tzinfo) -> Said:
    """Raises `Rejected`, though not for what the door has let in."""
    value = json_value(body)
    return _cloudevent(value, zone) if is_cloudevent(value) else _early(value, body, zone)


def identifier(value: Any) -> str | None:
    """An id as text; an empty or blank one is none."""
    if type(value) is int:
        return str(value)
    return value if type(value) is str and value.strip() else None


def _cloudevent(event: dict[str, Any], zone: tzinfo) -> Said:
    kind, source, id_ = event["type"], event["source"], str(whole(event["id"]))
    time, payload = event.get("time"), _payload(event)
    meaning, when = meaning_of(kind), moment.rfc3339(time) if time else None
    if is_early(event):  # Nokia's documented handler expects both forms in one body
        inner = event["event"]
        payload = _merged(inner.get("eventDetail"), payload)
        when = when or _time(inner, zone)
        if meaning.kind == "other":
            meaning = early_meaning_of(inner["eventType"])
    return Said(
        meaning=meaning,
        type=kind,
        id=id_,
        source=source,
        time=when,
        subject=event.get("subject"),
        subscription=_subscription(payload, event),
        payload=payload,
        identity=("event", source, id_, kind),
        basis="provider-id",
    )


def _early(value: dict[str, Any], body: bytes, zone: tzinfo) -> Said:
    inner = value["event"]
    kind, payload = inner["eventType"].strip(), inner.get("eventDetail")
    subscription, id_ = _subscription(payload, value), identifier(inner.get("eventId"))
    # Without an id only the very same bytes are the same notification.
    digest = hashlib.sha256(body).hexdigest()
    return Said(
        meaning=early_meaning_of(kind),
        type=kind,
        id=id_,
        time=_time(inner, zone),
        subscription=subscription,
        payload=payload,
        identity=("event-id", subscription or "", kind, id_) if id_ else ("body", digest),
        basis="provider-id" if id_ else "fingerprint",
    )


def _payload(event: dict[str, Any]) -> Any:
    """`data`, or what is in `data_base64`: JSON or text where it says so, else base64 still."""
    encoded = event.get("data_base64")
    if encoded is None:
        return event.get("data")
    kind, octets = parse(event.get("datacontenttype") or _JSON), binascii.a2b_base64(encoded)
    try:
        if kind.is_json:
            return json_value(octets)
        return octets.decode() if kind.media_type.startswith("text/") else encoded
    except (Rejected, UnicodeDecodeError):
        return encoded


def _merged(detail: Any, payload: Any) -> Any:
    if type(detail) is dict and type(payload) is dict:
        return detail | payload
    return detail if payload is None else payload


def _time(inner: dict[str, Any], zone: tzinfo) -> datetime | None:
    time = inner.get("eventTime")
    return moment.read(time, zone) if type(time) is str else None


def _subscription(payload: Any, envelope: dict[str, Any]) -> str | None:
    """Implicit subscriptions have none, nor has geofencing's end of one that never began."""
    inside = payload.get("subscriptionId") if type(payload) is dict else None
    return identifier(inside) or identifier(envelope.get("eventSubscriptionId"))
