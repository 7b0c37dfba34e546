"""The bodies AT&T documents, in JSON Schema, for the OpenAPI document. More is accepted
(`body`).
"""

from typing import Any, Final

_TEXT: Final = {"type": ["string", "number", "null"]}
_FILLED: Final = {
    "anyOf": [{"type": "string", "minLength": 1, "pattern": r"\S"}, {"type": "number"}]
}
_ADDRESS: Final = {"anyOf": [*_FILLED["anyOf"], {"type": "array", "contains": _FILLED}]}
"""One, or a list in which one at least is good."""


def _object(required: list[str], properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties}


MESSAGE: Final = _object(
    ["SenderAddress", "Message"],
    {
        "SenderAddress": {**_FILLED, "examples": ["tel:+12065550100"]},
        "DestinationAddress": {
            "anyOf": [
                _TEXT,
                {"type": "array", "items": {"type": "null"}},
                {"type": "array", "items": _TEXT, "maxItems": 1},
            ],
            "examples": ["48507"],
        },
        "Message": {**_TEXT, "examples": ["Hello"]},
        "DateTime": {**_TEXT, "examples": ["04-15-2011T12:00:00"]},
        "MessageId": {"description": "Empty for now, says AT&T."},
    },
)
_INFO: Final = _object(
    ["address", "deliveryStatus"],
    {
        "address": {**_ADDRESS, "examples": ["tel:+12065550100"]},
        "deliveryStatus": {**_FILLED, "examples": ["DeliveredToTerminal"]},
    },
)
_NOTIFICATION: Final = _object(
    ["deliveryInfo"],
    {
        "messageId": {"examples": ["0x181bce3883beadf85443215d6fL"]},
        "deliveryInfo": _INFO,
    },
)
STATUS: Final = _object(["deliveryInfoNotification"], {"deliveryInfoNotification": _NOTIFICATION})
_CHANGE: Final = _object(
    ["messageId"],
    {
        "messageId": {**_FILLED, "examples": ["WU124"]},
        "conversationThreadId": {},
        "eventType": {"examples": ["TEXT"]},
        "event": {"examples": ["ADD"]},
        "text": {"description": "Not kept unless the listener has `inbox_text`."},
        "isTextTruncated": {},
        "isUnread": {"examples": [True]},
    },
)
_OF_SUBSCRIPTION: Final = _object(
    ["notificationEvents"],
    {
        "subscriptionId": {},
        "callbackData": {},
        "notificationEvents": {"type": "array", "contains": _CHANGE},
    },
)
_NOTIFICATIONS: Final = _object(
    ["subscriptionNotifications"],
    {"subscriptionNotifications": {"type": "array", "contains": _OF_SUBSCRIPTION}},
)
MESSAGE_PUSH: Final = _object(["messageNotifications"], {"messageNotifications": _NOTIFICATIONS})
