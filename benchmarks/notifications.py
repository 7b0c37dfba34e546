"""The notifications the benchmarks send: about 600 bytes, realistic, each a distinct one.

A body is a template; where it says `MARK`, a seven-digit number goes in. Its length never changes,
so a whole HTTP request is a template too, and both load tools fill it the same way.
"""

import json
from typing import Any, Final, NamedTuple

MARK: Final = "@@@@@@@"
TOKEN: Final = "benchmark-token-0123456789abcdef"

_TEXT = (
    "Case {n}: the courier was at the door at noon and nobody answered, so the parcel went back "
    "to the depot on Harbour Street. Please reply with 1 to have it brought again tomorrow between "
    "eight and twelve, with 2 for the day after tomorrow in the afternoon, or with 3 to collect it "
    "yourself; the depot is open until seven in the evening, bring this message and a passport or "
    "driving licence with you. Reply STOP to get no more of these."
)

MO: Final = {
    "DateTime": "11-20-2026T12:00:00",
    "MessageId": "",
    "Message": _TEXT.format(n=MARK),
    "SenderAddress": f"tel:+1206{MARK}",
    "DestinationAddress": "52345678",
}
"""AT&T Receive SMS: what the closed-loop and open-loop load is made of."""

STATUS: Final = {
    "deliveryInfoNotification": {
        "messageId": f"0x181bce3883beadf85{MARK}dL",
        "deliveryInfo": {
            "address": f"tel:+1206{MARK}",
            "deliveryStatus": "DeliveredToTerminal",
        },
    }
}
"""AT&T Receive SMS Delivery Status."""

REACHABILITY: Final[dict[str, Any]] = {
    "id": f"7f3b1c52-54d1-4c0e-9f0a-00000{MARK}",
    "source": "https://notifications.operator.example/device-reachability-status-subscriptions/v0.7",
    "type": "org.camaraproject.device-reachability-status-subscriptions.v0.reachability-data",
    "specversion": "1.0",
    "datacontenttype": "application/json",
    "time": "2026-11-20T12:00:00.416474Z",
    "data": {
        "subscriptionId": f"9b1d3c77-2f6e-4f0b-8a55-00000{MARK}",
        "device": {
            "phoneNumber": f"+1206{MARK}",
            "networkAccessIdentifier": f"device-{MARK}@operator.example",
            "ipv4Address": {"publicAddress": "203.0.113.7", "publicPort": 59765},
            "ipv6Address": "2001:db8:85a3:8d3:1319:8a2e:370:7344",
        },
    },
}
"""CAMARA device reachability, as Nokia Network as Code sends it: several identifiers at once."""

BATCH_EVENTS: Final = 50


class Kind(NamedTuple):
    """One kind of request: its route, the template of its body, and the head that goes with it."""

    path: str
    template: str
    content_type: str
    headers: tuple[str, ...] = ()
    """More lines of its head, templates as well."""
    events: int = 1
    """Notifications in one request."""


def _batch() -> str:
    events = (REACHABILITY | {"id": f"{REACHABILITY['id']}-{n:02}"} for n in range(BATCH_EVENTS))
    return json.dumps(list(events))


def _attributes() -> tuple[str, ...]:
    """Return the attributes of an event as headers (CloudEvents HTTP binding, section 3.1.3.1)."""
    names = REACHABILITY.keys() - {"data", "datacontenttype"}
    return tuple(f"ce-{name}: {REACHABILITY[name]}" for name in sorted(names))


_JSON: Final = "application/json"
_CAMARA: Final = "/camara/notifications"
KINDS: Final = {
    "message": Kind("/att/sms/mo", json.dumps(MO), _JSON),
    "status": Kind("/att/sms/delivery-status", json.dumps(STATUS), _JSON),
    "structured": Kind(_CAMARA, json.dumps(REACHABILITY), "application/cloudevents+json"),
    "binary": Kind(_CAMARA, json.dumps(REACHABILITY["data"]), _JSON, _attributes()),
    "batch": Kind(_CAMARA, _batch(), "application/cloudevents-batch+json", events=BATCH_EVENTS),
}
SINGLE: Final = ("message", "status", "structured", "binary")
"""Those with one notification in a request."""
MIXED: Final = ("message", "status", "structured")
"""What a backlog is made of."""


def body(kind: str, number: int) -> bytes:
    """Return the body of request `number` of a kind."""
    return KINDS[kind].template.replace(MARK, f"{number:07}").encode()


def request(method: str, path: str, host: str, kind: str = "message") -> bytes:
    """Return the template of a whole HTTP/1.1 request of a kind, with a valid bearer token."""
    said = KINDS[kind]
    head = (
        f"{method} {path} HTTP/1.1",
        f"Host: {host}",
        "User-Agent: benchmark",
        f"Authorization: Bearer {TOKEN}",
        f"Content-Type: {said.content_type}",
        *said.headers,
        f"Content-Length: {len(said.template)}",
    )
    return ("\r\n".join(head) + "\r\n\r\n" + said.template).encode()
