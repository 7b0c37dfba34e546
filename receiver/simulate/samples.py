"""Realistic sample notifications. Each is new: sent twice, it would be a duplicate."""

import json
import secrets
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

import msgspec

from receiver.simulate import notifications
from receiver.simulate.bodies import camara_data, camara_event

_REACHABILITY: Final = "device-reachability-status-subscriptions.v0."


class Sample(msgspec.Struct, frozen=True):
    """A request as a carrier would post it."""

    path: str
    """Of the route, without the listener."""
    content_type: str
    body: bytes


def build(name: str, zone: tzinfo = UTC) -> Sample:
    """Return a new sample of this name, one of `SAMPLES`; its times that carry no zone are in
    `zone`: the listener's.
    """
    return SAMPLES[name](zone)


def _number() -> str:
    # 555-0100 to 555-0199 belong to nobody.
    return f"+1206555{100 + secrets.randbelow(100):04}"


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=2).encode()


def _mo(text: str, zone: tzinfo) -> Sample:
    """Make a message of AT&T's Receive SMS."""
    body = notifications.message(datetime.now(zone), text, f"tel:{_number()}")
    return Sample("/att/sms/mo", "application/json", _json(body))


def _mo_unicode(zone: tzinfo) -> Sample:
    """Make a message outside Latin-1: hexadecimal, the coding (08: UCS-2) in the first byte."""
    text = f"Добрый вечер {secrets.token_hex(4)}"
    return _mo("08" + text.encode("utf-16-be").hex().upper(), zone)


def _delivery(status: str) -> Sample:
    """Make a status of AT&T's Receive SMS Delivery Status."""
    message_id = f"0x{secrets.token_hex(13)}L"
    body = notifications.delivery_status(message_id, f"tel:{_number()}", status)
    return Sample("/att/sms/delivery-status", "application/json", _json(body))


def _inbox(event: str, **more: Any) -> Sample:
    """Make a change to a mailbox, as AT&T's In-App Messaging posts it to its channel."""
    change = {
        "messageId": f"WU{secrets.token_hex(6)}",
        "conversationThreadId": secrets.token_hex(4),
        "eventType": "TEXT",
        "event": event,
    }
    subscription = {
        "subscriptionId": str(uuid.uuid4()),
        "callbackData": _number(),
        "notificationEvents": [change | more],
    }
    body = {"messageNotifications": {"subscriptionNotifications": [subscription]}}
    return Sample("/att/messages", "application/json", _json(body))


def _camara(event_type: str, **data: Any) -> Sample:
    """Make a CAMARA notification. `event_type` is without the prefix of all CAMARA types."""
    data = camara_data(event_type, str(uuid.uuid4()), _number()) | data
    body = camara_event(event_type, datetime.now(UTC), str(uuid.uuid4()), data)
    return Sample("/camara/notifications", "application/cloudevents+json", _json(body))


SAMPLES: Final[dict[str, Callable[[tzinfo], Sample]]] = {
    "mo": lambda zone: _mo(f"Yes, seven is fine. Ref {secrets.token_hex(4)}", zone),
    "mo-unicode": _mo_unicode,
    "delivery-status": lambda _: _delivery("DeliveredToTerminal"),
    "delivery-failed": lambda _: _delivery("DeliveryImpossible"),
    "inbox-added": lambda _: _inbox(
        "ADD", text="See you at seven.", isTextTruncated=False, isUnread=True
    ),
    "inbox-updated": lambda _: _inbox("UPDATE", isUnread=False),
    "inbox-deleted": lambda _: _inbox("DELETE"),
    "reachability": lambda _: _camara(_REACHABILITY + "reachability-data"),
    "reachability-sms": lambda _: _camara(_REACHABILITY + "reachability-sms"),
    "reachability-disconnected": lambda _: _camara(_REACHABILITY + "reachability-disconnected"),
    "roaming": lambda _: _camara("device-roaming-status-subscriptions.v0.roaming-status"),
    "subscription-started": lambda _: _camara(_REACHABILITY + "subscription-started"),
    "subscription-ended": lambda _: _camara(
        _REACHABILITY + "subscription-ended",
        terminationReason="SUBSCRIPTION_EXPIRED",
        terminationDescription="Subscription expiry time has been reached",
    ),
    "sim-swap": lambda _: _camara("sim-swap-subscriptions.v0.swapped"),
}
"""Name -> builder, which takes a zone. The first of each kind is the plainest."""

DEMO: Final = ("mo", "delivery-status", "reachability")
"""One of each kind."""
