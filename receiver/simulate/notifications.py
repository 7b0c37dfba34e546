"""The notifications of AT&T and of CAMARA's operators, as documents."""

from datetime import UTC, datetime
from typing import Any

from receiver.runtime.moment import rfc3339


def message(
    when: datetime, text: str, sender: str, to: str = "48507", message_id: str = ""
) -> dict[str, Any]:
    """Return AT&T's Receive SMS (SMS v3): the time without a zone, the id usually empty."""
    return {
        "DateTime": when.strftime("%m-%d-%YT%H:%M:%S"),
        "MessageId": message_id,
        "Message": text,
        "SenderAddress": sender,
        "DestinationAddress": to,
    }


def delivery_status(message_id: str, address: str, status: str) -> dict[str, Any]:
    """Return AT&T's Receive SMS Delivery Status (SMS v3), which is of one address."""
    info = {"address": address, "deliveryStatus": status}
    return {"deliveryInfoNotification": {"messageId": message_id, "deliveryInfo": info}}


def cloud_event(
    event_id: str, source: str, event_type: str, when: datetime, data: dict[str, Any]
) -> dict[str, Any]:
    """Return a CAMARA notification: a structured CloudEvent (event subscription guide)."""
    return {
        "id": event_id,
        "source": source,
        "type": event_type,
        "specversion": "1.0",
        "datacontenttype": "application/json",
        "time": time_text(when),
        "data": data,
    }


def time_text(when: datetime) -> str:
    """Return a time as CAMARA writes it: RFC 3339, UTC, milliseconds."""
    return rfc3339(when.astimezone(UTC))
