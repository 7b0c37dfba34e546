"""The shapes of `data`, by event type: carriers write them, consumers read them.

Typed dictionaries, because a carrier writes a dictionary that costs nothing to make, a consumer
gets the names that stand in the document (`from` is no name of Python's), and what both agree on is
what the JSON Schemas are made of (`receiver.schemas`).
"""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from msgspec import Meta

Raw = Annotated[
    Any,
    Meta(
        description="What the network sent: its body, as JSON, or as text where it was XML or a "
        "form; of several items in one body the event's own item."
    ),
]
Device = Annotated[
    dict[str, Any] | None,
    Meta(
        description="CAMARA's device: phoneNumber in E.164, networkAccessIdentifier, ipv4Address, "
        "ipv6Address, as far as the network says them; null where it leaves the device out."
    ),
]
Subscription = Annotated[
    str | None, Meta(description="The operator's id of the subscription it came by.")
]
MessageId = Annotated[
    str | None, Meta(description="The network's id of the message; null where it has none.")
]
Direction = Literal["incoming", "outgoing"] | None
Status = Literal["sent", "delivered", "failed", "waiting", "uncertain", "unknown"]
Reading = Literal["A", "B", "C", "D"]


class _Raw(TypedDict):
    raw: Raw


class DecodedText(TypedDict):
    """One possible reading of a text that looks like hexadecimal."""

    reading: Annotated[Reading, Meta(description="The rule by which it was read.")]
    text: str


SmsMessage = TypedDict(
    "SmsMessage",
    {
        "from": Annotated[str, Meta(description="The sender: E.164, or a short code.")],
        "to": Annotated[str | None, Meta(description="The destination: E.164, or a short code.")],
        "text": Annotated[str, Meta(description="As it came; U+FFFD where it cannot be read.")],
        "messageId": MessageId,
        "decodedText": NotRequired[
            Annotated[
                list[DecodedText],
                Meta(description="Only where the text looks like hexadecimal: what it may say."),
            ]
        ],
    },
)


class SmsMessageReceivedData(SmsMessage, _Raw):
    """A text message that came in."""


class SmsDelivery(TypedDict):
    """What became of a message at one address, without `raw`."""

    late: Annotated[bool, Meta(description="Whether a final status came out before this one.")]
    messageId: MessageId
    to: Annotated[str | None, Meta(description="The address: E.164, or a short code.")]
    status: Status
    providerStatus: Annotated[
        str | None, Meta(description="The network's word, such as DeliveredToTerminal.")
    ]
    final: Annotated[bool, Meta(description="Whether nothing else is to be expected.")]
    reason: NotRequired[
        Annotated[
            Literal["gone", "expired"],
            Meta(
                description="Only where nobody can learn any more what became of it: the network "
                "has forgotten it, or we have stopped asking."
            ),
        ]
    ]


class SmsDeliveryUpdatedData(SmsDelivery, _Raw):
    """What became of a message at one address."""


class Segment(TypedDict):
    """Which part of a long SMS a message is."""

    reference: int | None
    part: int | None
    parts: int | None


class Attachment(TypedDict):
    """What is said of one attachment; its content stays at the network."""

    part: int
    name: str | None
    contentType: str | None
    kind: str | None


InboxMessageSaid = TypedDict(
    "InboxMessageSaid",
    {
        "messageId": MessageId,
        "direction": Direction,
        "channel": Annotated[str | None, Meta(description="sms or mms, or the network's word.")],
        "from": str | None,
        "recipients": list[str],
        "text": Annotated[str | None, Meta(description="null unless the listener keeps texts.")],
        "subject": Annotated[str | None, Meta(description="null unless the listener keeps texts.")],
        "unread": bool | None,
        "favorite": bool | None,
        "segment": Segment | None,
        "attachments": list[Attachment],
    },
)


class InboxMessage(InboxMessageSaid):
    """A message and whose mailbox it is in, without `raw`."""

    mailbox: Annotated[str, Meta(description="Whose mailbox it is.")]


class InboxMessageData(InboxMessage, _Raw):
    """A message of a subscriber's mailbox; null is what the network did not say."""

    subscriptionId: NotRequired[Subscription]
    conversationId: NotRequired[str | None]


class DeviceReachability(TypedDict):
    """Whether and how a device can be reached, without `raw`."""

    subscriptionId: Subscription
    device: Device
    reachable: bool
    connectivity: Annotated[
        list[str] | None, Meta(description='["DATA"], ["SMS"], both, or [] where unreachable.')
    ]


class DeviceReachabilityChangedData(DeviceReachability, _Raw):
    """Whether and how a device can be reached."""


class DeviceRoaming(TypedDict):
    """Whether a device roams, and where, without `raw`."""

    subscriptionId: Subscription
    device: Device
    roaming: Annotated[bool | None, Meta(description="null where the network did not say.")]
    countryCode: Annotated[int | None, Meta(description="The mobile country code.")]
    countryName: Annotated[
        list[str] | None, Meta(description="ISO 3166 codes; one code may stand for several.")
    ]


class DeviceRoamingChangedData(DeviceRoaming, _Raw):
    """Whether a device roams, and where."""


class SubscriptionChange(TypedDict):
    """What became of a subscription of yours, without `raw`."""

    subscriptionId: Subscription
    device: Device
    reason: Annotated[str | None, Meta(description="The network's word.")]
    description: Annotated[str | None, Meta(description="The network's sentence.")]


class SubscriptionData(SubscriptionChange, _Raw):
    """What became of a subscription of yours."""


class CamaraEvent(TypedDict):
    """Any other valid CloudEvent of a network's, without `raw`."""

    payload: Annotated[Any, Meta(description="The event's own data.")]
    subscriptionId: NotRequired[Subscription]


class CamaraEventReceivedData(CamaraEvent, _Raw):
    """Any other valid CloudEvent of a network's."""
