"""The published event types: CloudEvents 1.0 envelopes, one class per type."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, get_args

from msgspec import Meta, Struct

from receiver.events.data import (
    CamaraEventReceivedData,
    DeviceReachabilityChangedData,
    DeviceRoamingChangedData,
    InboxMessageData,
    SmsDeliveryUpdatedData,
    SmsMessageReceivedData,
    SubscriptionData,
)

_Positive = Annotated[int, Meta(ge=1)]
Basis = Literal["provider-id", "composite", "fingerprint", "none"]
"""What an event's identity rests on, from strongest to none at all."""


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """Hold the attributes that every event has; those that may be absent are None then."""

    specversion: Literal["1.0"]
    id: Annotated[
        str,
        Meta(min_length=1, description="The same notification always gets the same one."),
    ]
    source: Annotated[
        str,
        Meta(
            min_length=1,
            description="The callback, and the listener that it came to: /att/sms/mo/promo.",
            extra_json_schema={"format": "uri-reference"},
        ),
    ]
    time: Annotated[
        datetime,
        Meta(tz=True, description="When it happened, as far as the network says; see timebasis."),
    ]
    timebasis: Annotated[
        Literal["sender", "receipt"],
        Meta(description="Whose `time` it is: the sender's, or that of the receipt."),
    ]
    receivedtime: Annotated[datetime, Meta(tz=True, description="When the notification came in.")]
    identitybasis: Annotated[
        Basis, Meta(description="What makes it the same notification; none: nothing does.")
    ]
    datacontenttype: Literal["application/json"]
    dataschema: Annotated[
        str | None,
        Meta(description="Which schema `data` has.", extra_json_schema={"format": "uri"}),
    ] = None
    receiptid: Annotated[str, Meta(description="What the network got as x-receipt-id.")]
    subject: Annotated[
        str | None,
        Meta(description="Who it is about: the sender, the address, the device, or none."),
    ] = None
    origintype: Annotated[str | None, Meta(description="The network's own type.")] = None
    originid: Annotated[str | None, Meta(description="The network's own id.")] = None
    originsource: Annotated[str | None, Meta(description="The network's own source.")] = None
    item: Annotated[_Positive | None, Meta(description="Which of the items of one body it is.")] = (
        None
    )
    items: Annotated[_Positive | None, Meta(description="How many items the body has.")] = None
    subscriptionset: Annotated[
        str | None, Meta(description="The name of the [[subscription]] that it came by.")
    ] = None
    generation: Annotated[
        _Positive | None, Meta(description="Which attempt at that subscription it came by.")
    ] = None
    subscriptionattempt: Annotated[str | None, Meta(description="That attempt's name.")] = None
    sequence: Annotated[
        str | None, Meta(description="The order in which events came out; sinks add it.")
    ] = None
    replayed: Annotated[bool | None, Meta(description="true where somebody had it sent again.")] = (
        None
    )
    traceparent: Annotated[str | None, Meta(description="W3C Trace Context.")] = None
    tracestate: Annotated[str | None, Meta(description="W3C Trace Context.")] = None

    @property
    def type(self) -> str:
        """Return the event's type, such as `sms.message.received.v1`."""
        return str(self.__struct_config__.tag)

    @property
    def listener(self) -> str:
        """Return the name of the listener that it came to, the last part of `source`."""
        return self.source.rpartition("/")[2]


class SmsMessageReceived(Event, frozen=True, kw_only=True, tag="sms.message.received.v1"):
    """A text message came in."""

    data: SmsMessageReceivedData


class SmsDeliveryUpdated(Event, frozen=True, kw_only=True, tag="sms.delivery.updated.v1"):
    """Something became of a message of yours, at one address."""

    data: SmsDeliveryUpdatedData


class InboxMessageAdded(Event, frozen=True, kw_only=True, tag="inbox.message.added.v1"):
    """A message came into a subscriber's mailbox."""

    data: InboxMessageData


class InboxMessageUpdated(Event, frozen=True, kw_only=True, tag="inbox.message.updated.v1"):
    """The flags of a message of a subscriber's mailbox changed."""

    data: InboxMessageData


class InboxMessageDeleted(Event, frozen=True, kw_only=True, tag="inbox.message.deleted.v1"):
    """A message went from a subscriber's mailbox."""

    data: InboxMessageData


class DeviceReachabilityChanged(
    Event, frozen=True, kw_only=True, tag="device.reachability.changed.v1"
):
    """A device can be reached, or not."""

    data: DeviceReachabilityChangedData


class DeviceRoamingChanged(Event, frozen=True, kw_only=True, tag="device.roaming.changed.v1"):
    """A device roams, or not, or in another country."""

    data: DeviceRoamingChangedData


class SubscriptionStarted(Event, frozen=True, kw_only=True, tag="subscription.started.v1"):
    """A subscription of yours began."""

    data: SubscriptionData


class SubscriptionUpdated(Event, frozen=True, kw_only=True, tag="subscription.updated.v1"):
    """A subscription of yours changed."""

    data: SubscriptionData


class SubscriptionEnded(Event, frozen=True, kw_only=True, tag="subscription.ended.v1"):
    """A subscription of yours ended: nothing comes by it any more."""

    data: SubscriptionData


class CamaraEventReceived(Event, frozen=True, kw_only=True, tag="camara.event.received.v1"):
    """A network sent another valid CloudEvent; `origintype` says what it is."""

    data: CamaraEventReceivedData


class UnknownEvent(Struct, frozen=True, kw_only=True):
    """Hold an event of a type that this version of the module does not know."""

    type: str
    id: str
    source: str
    time: datetime | None = None
    subject: str | None = None
    data: dict[str, Any] = {}


KnownEvent = (
    SmsMessageReceived
    | SmsDeliveryUpdated
    | InboxMessageAdded
    | InboxMessageUpdated
    | InboxMessageDeleted
    | DeviceReachabilityChanged
    | DeviceRoamingChanged
    | SubscriptionStarted
    | SubscriptionUpdated
    | SubscriptionEnded
    | CamaraEventReceived
)

TYPES: Final[dict[str, type[Event]]] = {
    str(kind.__struct_config__.tag): kind for kind in get_args(KnownEvent)
}
"""Event type -> its class."""
