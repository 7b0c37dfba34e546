"""Reading a notification in either form: CloudEvents, or CAMARA's earlier form."""

import binascii
import contextlib
import hashlib
from datetime import datetime, tzinfo
from typing import Any, Final

import msgspec
from msgspec import Struct

from receiver.carriers.camara.binary_mode import holds_json
from receiver.carriers.camara.content_type import in_utf8, parse, text_in
from receiver.carriers.camara.envelope import cloudevent, is_early, text_of, time_of
from receiver.carriers.camara.event_types import Meaning, early_meaning_of, meaning_of
from receiver.carriers.carrier import Rejected
from receiver.carriers.formats import timestamp
from receiver.carriers.formats.charset import strictly
from receiver.carriers.formats.json_body import json_value, readable, without_bom
from receiver.carriers.formats.placeholder_id import identifies_nothing
from receiver.events.event_types import Basis

_JSON: Final = "application/json"
"""What data is when nothing says otherwise (CloudEvents JSON format, section 3.1)."""


class ReadNotification(Struct, frozen=True, kw_only=True):
    """One notification with its envelope read; its payload is not yet interpreted."""

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
        """Return the payload where it is an object, as every CAMARA API's is; else an empty one."""
        return self.payload if type(self.payload) is dict else {}


def read_notification(body: bytes, zone: tzinfo) -> ReadNotification:
    """Read a notification's envelope. Raises `Rejected`, though not for what `read` accepted."""
    value = json_value(body)
    event = cloudevent(value)
    return _early(value, body, zone) if event is None else _cloudevent(event, zone)


def _cloudevent(event: dict[str, Any], zone: tzinfo) -> ReadNotification:
    kind, source = text_of(event["type"]) or "", text_of(event["source"]) or ""
    id_ = text_of(event["id"]) or ""
    meaning, time = meaning_of(kind), text_of(event.get("time"))
    payload, when = _payload(event, meaning), time_of(time)
    if is_early(event):  # Nokia's documented handler expects both forms in one body
        inner = event["event"]
        payload = _merged(inner.get("eventDetail"), payload)
        when, time = when or _time(inner, zone), time or text_of(inner.get("eventTime"))
        if meaning.kind == "other":
            meaning = early_meaning_of(inner["eventType"])
    known = not identifies_nothing(id_)
    if known and time:
        identity: tuple[str, ...] = ("event", source, id_, kind, time)
    else:  # what it says tells it apart; not the whole event, in which a trace may be
        identity = ("said", source, id_, kind, time or "", _digest(msgspec.json.encode(payload)))
    return ReadNotification(
        meaning=meaning,
        type=kind,
        id=id_,
        source=source,
        time=when,
        subject=text_of(event.get("subject")),
        subscription=_subscription(payload, event),
        payload=payload,
        identity=identity,
        basis="provider-id" if known else "fingerprint",
    )


def _early(value: dict[str, Any], body: bytes, zone: tzinfo) -> ReadNotification:
    inner = value["event"]
    kind, payload = inner["eventType"].strip(), inner.get("eventDetail")
    subscription, id_ = _subscription(payload, value), text_of(inner.get("eventId"))
    time = text_of(inner.get("eventTime")) or _digest(body)
    known = id_ is not None and not identifies_nothing(id_)
    identity = ("event-id", subscription or "", kind, id_ or "", time)
    return ReadNotification(
        meaning=early_meaning_of(kind),
        type=kind,
        id=id_,
        time=_time(inner, zone),
        subscription=subscription,
        payload=payload,
        identity=identity if known else ("body", _digest(body)),
        basis="provider-id" if known else "fingerprint",
    )


def _digest(body: bytes) -> str:
    """Digest a body: only the very same bytes are the same notification."""
    return hashlib.sha256(body).hexdigest()


def _payload(event: dict[str, Any], meaning: Meaning) -> Any:
    """Return the data. For a type we know it is an object, also where it was sent as a text."""
    payload = _data(event)
    if meaning.kind != "other" and type(payload) is str and payload.lstrip()[:1] == "{":
        with contextlib.suppress(Rejected):
            return readable(payload.encode())[0]
    return payload


def _data(event: dict[str, Any]) -> Any:
    """Return `data`, or what `data_base64` holds: JSON or text where declared, in its character set
    as in binary mode, else the base64.
    """
    encoded = event.get("data_base64")
    if encoded is None:
        return event.get("data")
    kind = parse(text_of(event.get("datacontenttype")) or _JSON)
    octets = binascii.a2b_base64(encoded)
    try:
        if kind.is_json or holds_json(kind, octets):
            return readable(without_bom(in_utf8(octets, kind.charset)))[0]
    except Rejected:
        return encoded
    if not kind.media_type.startswith("text/"):
        return encoded
    said = text_in(octets, kind.charset)
    if said is None:
        said = strictly(octets, "utf_8")  # nobody knows what is declared, or it is in another
    return encoded if said is None else said


def _merged(detail: Any, payload: Any) -> Any:
    if type(detail) is dict and type(payload) is dict:
        return detail | payload
    return detail if payload is None else payload


def _time(inner: dict[str, Any], zone: tzinfo) -> datetime | None:
    return timestamp.read(text_of(inner.get("eventTime")), zone)


def _subscription(payload: Any, envelope: dict[str, Any]) -> str | None:
    """Return the subscription's id. Implicit subscriptions have none, nor has geofencing's
    end of one that never began.
    """
    inside = payload.get("subscriptionId") if type(payload) is dict else None
    return text_of(inside) or text_of(envelope.get("eventSubscriptionId"))
