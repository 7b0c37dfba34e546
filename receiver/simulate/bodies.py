"""Builds the bodies that carriers send, by kind: the same seed gives the same bytes.

Each body carries a mark, twenty hexadecimal digits, where every receiver has to preserve it: in the
text of a message, in a message id, in an event's id. The published event is recognised by it,
whatever its format is.
"""

import json
from datetime import datetime
from random import Random
from typing import Any, Final, NamedTuple

from receiver.simulate import notifications

_CAMARA: Final = "org.camaraproject."
_API: Final = "device-reachability-status-subscriptions"

TYPES: Final = {
    "reachability": (
        f"{_API}.v0.reachability-data",
        f"{_API}.v0.reachability-sms",
        f"{_API}.v0.reachability-disconnected",
    ),
    "roaming": (
        "device-roaming-status-subscriptions.v0.roaming-status",
        "device-roaming-status-subscriptions.v0.roaming-on",
        "device-roaming-status-subscriptions.v0.roaming-off",
    ),
    "sim-swap": ("sim-swap-subscriptions.v0.swapped",),
    "lifecycle": (f"{_API}.v0.subscription-updated", f"{_API}.v0.subscription-started"),
}
"""Kind -> event types, without the prefix of all CAMARA types."""
_SAYS: Final[dict[str, dict[str, Any]]] = {
    "roaming-status": {"roaming": True, "countryCode": 208, "countryName": ["FR"]},
    "subscription-started": {"initiationReason": "SUBSCRIPTION_CREATED"},
    "subscription-updated": {"updateReason": "SUBSCRIPTION_ACTIVE"},
}
"""Event -> what its data have besides (device status subscriptions 0.8)."""

STATUS_SEQUENCES: Final = {
    ("DeliveredToNetwork", "DeliveredToTerminal"): 6,
    ("DeliveredToNetwork", "DeliveryImpossible"): 1,
    ("DeliveredToTerminal", "DeliveredToNetwork"): 1,
    ("DeliveredToNetwork", "MessageWaiting", "DeliveredToTerminal"): 1,
    ("DeliveryImpossible", "DeliveredToNetwork", "DeliveredToTerminal"): 1,
}
"""The delivery statuses of one message, as they are sent, and how frequent each sequence is."""

_TEXTS: Final = (
    "STOP",
    "Yes, seven is fine.",
    'He said "perhaps", and left.',
    "Grüße aus Köln, bis später!",
    "Приеду в девять",
    "了解しました 👍",
    "HELP me with my order please, it has not arrived and nobody answers the telephone.",
)


class Body(NamedTuple):
    """A body and its content type."""

    content_type: str
    body: bytes


def number(random: Random) -> str:
    """Return a telephone number that belongs to nobody: 555-0100 to 555-0199, in some area."""
    return f"+1{random.randrange(201, 990)}555{random.randrange(100, 200):04}"


def mo(random: Random, when: datetime, mark: str, *, with_id: bool) -> Body:
    """Return an AT&T Receive SMS body."""
    text = f"{random.choice(_TEXTS)} Ref {mark}"
    message_id = f"msg-{mark}" if with_id else ""
    body = notifications.message(when, text, f"tel:{number(random)}", message_id=message_id)
    return Body("application/json", _json(body))


def delivery_status(address: str, mark: str, status: str) -> Body:
    """Return an AT&T Receive SMS Delivery Status body."""
    body = notifications.delivery_status(f"0x{mark}L", f"tel:{address}", status)
    return Body("application/json", _json(body))


def camara_data(event_type: str, subscription: str, number: str) -> dict[str, Any]:
    """Return the data that an event's definition demands. A swapped SIM is that of a number, not of
    a device (sim-swap-subscriptions, Swapped).
    """
    event = event_type.rpartition(".")[2]
    about = {"phoneNumber": number} if event == "swapped" else {"device": {"phoneNumber": number}}
    return {"subscriptionId": subscription, **about, **_SAYS.get(event, {})}


def camara(event_type: str, when: datetime, mark: str, data: dict[str, Any]) -> Body:
    """Return a CAMARA notification; `event_type` is without the prefix of all CAMARA types."""
    return Body("application/cloudevents+json", _json(camara_event(event_type, when, mark, data)))


def camara_event(
    event_type: str, when: datetime, event_id: str, data: dict[str, Any]
) -> dict[str, Any]:
    """Return the document of a CAMARA notification of version 0.8."""
    source = f"/{event_type.partition('.')[0]}/v0.8/subscriptions/{data['subscriptionId']}"
    return notifications.cloud_event(event_id, source, _CAMARA + event_type, when, data)


def subscription_ended(when: datetime, mark: str, subscription: str) -> Body:
    """Return what an operator sends once the receiver has answered 401 (event guide 2.2.3)."""
    reason = {"terminationReason": "ACCESS_TOKEN_EXPIRED", "subscriptionId": subscription}
    return camara(f"{_API}.v0.subscription-ended", when, mark, reason)


def malformed(random: Random, written: Body) -> bytes:
    """Return a damaged body that no receiver could accept."""
    body = written.body
    return random.choice(
        (
            body[: random.randrange(1, len(body) - 1)],
            b"",
            b"[" * 20_000,
            b'{"hello": "world"}',
            b"\x00\xff\xfe" + body[3:],
        )
    )


def oversized(written: Body) -> bytes:
    """Return two megabytes that begin like the body and are valid JSON."""
    return written.body[:-1] + b', "padding": "' + b"x" * (2 * 1024 * 1024) + b'"}'


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
