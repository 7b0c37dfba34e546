"""What the control routes of a simulated gateway take."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from receiver.simulate.control import Order

_MOST: Final = 1_000_000


class AcceptMessages(Order):
    """An order: subscribers send messages to a short code."""

    registration: str = "22627000"
    text: str | None = None
    """Absent: generated, each another one but for the scenario's `same_text`."""
    sender: str | None = None
    count: Annotated[int, Meta(ge=1, le=_MOST)] = 1


class SetStatus(Order):
    """An order: the network learns what became of a sent message."""

    id: str
    status: Literal["DeliveredToNetwork", "DeliveredToTerminal", "DeliveryImpossible"]
    address: str = ""
    """One recipient; empty for all."""


class AddSent(Order):
    """An order: a message was sent by somebody else."""

    address: Annotated[list[str], Meta(min_length=1)] = msgspec.field(
        default_factory=lambda: ["tel:+12065550100"]
    )
    text: str = "sent elsewhere"
    notify: bool = False


class IssueToken(Order):
    """An order: a token without the token endpoint."""

    client: str = "simulated-client"
    scope: str = "SMS,IMMN,MIM"
    expires_in: Annotated[float, Meta(ge=-1e9, le=1e9)] = 3600
    """Below nothing: a token that has expired."""


class ForgetTokens(Order):
    """An order: access tokens become invalid, and on demand refresh tokens."""

    refresh: bool = False


class Attachment(Order):
    """A part of a message in a mailbox."""

    name: str = "photo.txt"
    content_type: str = "text/plain"
    text: str = ""


class AddItem(Order):
    """A message that a mailbox gets."""

    sender: str = "tel:+12065550199"
    recipients: list[str] | None = None
    """Absent: the subscriber."""
    text: str = ""
    subject: str = ""
    incoming: bool = True
    unread: bool = True
    favorite: bool = False
    attachments: list[Attachment] = msgspec.field(default_factory=list)
    segment: tuple[int, int, int] | None = None
    """Reference number, number of parts, this part."""


class UpdateItem(Order):
    """New flags of a message in a mailbox."""

    id: str
    unread: bool | None = None
    favorite: bool | None = None


class ChangeMailbox(Order):
    """An order: something happens in a subscriber's mailbox, in this order."""

    client: str = "simulated-client"
    add: list[AddItem] = msgspec.field(default_factory=list)
    update: list[UpdateItem] = msgspec.field(default_factory=list)
    delete: list[str] = msgspec.field(default_factory=list)
    failing: dict[str, int] = msgspec.field(default_factory=dict)
    """Ids that lists put among `failedMessages` the next so many times."""
    drop_index: bool = False
    """The index is gone, and every state is unknown."""
    error: bool = False
    """The status of the index is ERROR until it is created anew."""


class Killed(Order):
    """An order: the client was killed; what was under way then may not have arrived."""

    at: Annotated[float, Meta(ge=0, le=1e11)] | None = None
    """Seconds since 1970 of the real time, from just before the kill; absent: a second ago."""


class Published(Order):
    """What a client published, for a verdict without a stream."""

    published: list[str]
