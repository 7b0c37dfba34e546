"""The published events, as typed values.

It needs msgspec, and nothing else of the receiver.
"""

from receiver.events.event_types import (
    TYPES,
    CamaraEventReceived,
    DeviceReachabilityChanged,
    DeviceRoamingChanged,
    Event,
    InboxMessageAdded,
    InboxMessageDeleted,
    InboxMessageUpdated,
    KnownEvent,
    SmsDeliveryUpdated,
    SmsMessageReceived,
    SubscriptionEnded,
    SubscriptionStarted,
    SubscriptionUpdated,
    UnknownEvent,
)
from receiver.events.parsing import AnyEvent, NotAnEvent, parse, parse_batch

__all__ = [
    "TYPES",
    "AnyEvent",
    "CamaraEventReceived",
    "DeviceReachabilityChanged",
    "DeviceRoamingChanged",
    "Event",
    "InboxMessageAdded",
    "InboxMessageDeleted",
    "InboxMessageUpdated",
    "KnownEvent",
    "NotAnEvent",
    "SmsDeliveryUpdated",
    "SmsMessageReceived",
    "SubscriptionEnded",
    "SubscriptionStarted",
    "SubscriptionUpdated",
    "UnknownEvent",
    "parse",
    "parse_batch",
]
