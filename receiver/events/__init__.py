"""For consumers of the events: typed events, a consumer group, the signature of web hooks.

It needs msgspec, and nothing else of the receiver; `Consumer` needs redis-py besides.
"""

from receiver.events.consumer import Consumer, Delivery
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
from receiver.events.webhook import Unverified, verify

__all__ = [
    "TYPES",
    "AnyEvent",
    "CamaraEventReceived",
    "Consumer",
    "Delivery",
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
    "Unverified",
    "parse",
    "parse_batch",
    "verify",
]
