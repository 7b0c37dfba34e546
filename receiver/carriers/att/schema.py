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

MESSAGE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["SenderAddress", "Message"],
    "properties": {
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
}
STATUS: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["deliveryInfoNotification"],
    "properties": {
        "deliveryInfoNotification": {
            "type": "object",
            "required": ["deliveryInfo"],
            "properties": {
                "messageId": {"examples": ["0x181bce3883beadf85443215d6fL"]},
                "deliveryInfo": {
                    "type": "object",
                    "required": ["address", "deliveryStatus"],
                    "properties": {
                        "address": {**_ADDRESS, "examples": ["tel:+12065550100"]},
                        "deliveryStatus": {**_FILLED, "examples": ["DeliveredToTerminal"]},
                    },
                },
            },
        }
    },
}
_CHANGE: Final = {
    "type": "object",
    "required": ["messageId"],
    "properties": {
        "messageId": {**_FILLED, "examples": ["WU124"]},
        "conversationThreadId": {},
        "eventType": {"examples": ["TEXT"]},
        "event": {"examples": ["ADD"]},
        "text": {"description": "Not kept unless the listener has `inbox_text`."},
        "isTextTruncated": {},
        "isUnread": {"examples": [True]},
    },
}
MESSAGE_PUSH: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["messageNotifications"],
    "properties": {
        "messageNotifications": {
            "type": "object",
            "required": ["subscriptionNotifications"],
            "properties": {
                "subscriptionNotifications": {
                    "type": "array",
                    "contains": {
                        "type": "object",
                        "required": ["notificationEvents"],
                        "properties": {
                            "subscriptionId": {},
                            "callbackData": {},
                            "notificationEvents": {"type": "array", "contains": _CHANGE},
                        },
                    },
                }
            },
        }
    },
}
