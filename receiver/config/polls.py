"""The polls of `receiver.toml`: what is fetched instead of pushed, from where, and how often.

Secrets are not in the file: it names environment variables, and only `receiver poll` needs their
values.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from receiver.config.operators import Name, unsendable

EVERY: Final = 300
"""Seconds between two polls of an inbox; its gateway drops what nobody fetched for 30 minutes."""
_EVERY_MAILBOX: Final = 60
_EVERY_DUE: Final = 2.0
Signature = Literal["att", "oneapi"]
_INBOX: Final[dict[Signature, str]] = {
    "att": "/sms/v3/messaging/inbox/{registration}",
    "oneapi": "/3/smsmessaging/inbound/registrations/{registration}/messages",
}
_STATUS: Final[dict[Signature, str]] = {
    "att": "/sms/v3/messaging/outbox/{id}",
    "oneapi": "/3/smsmessaging/outbound/requests/{sender}/{id}/deliveryInfos",
}
_SEND: Final[dict[Signature, str]] = {
    "att": "/sms/v3/messaging/outbox",
    "oneapi": "/3/smsmessaging/outbound/{sender}/requests",
}


class _Poll(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"
):
    """The settings common to all kinds of poll."""

    name: Name
    listener: str = ""
    """What its events have at the end of `source`; empty for the poll's own name."""
    every: Annotated[int, Meta(ge=10, le=900)] | None = None
    """Seconds between two polls; None: what the kind has (`seconds`)."""

    @property
    def kind(self) -> str:
        """Return the kind as `receiver.toml` has it."""
        return str(self.__struct_config__.tag)

    @property
    def heard_as(self) -> str:
        """Return the listener that its notifications have."""
        return self.listener or self.name

    @property
    def seconds(self) -> float:
        """Return the seconds between two polls."""
        return float(self.every or EVERY)


class _GatewayPoll(_Poll, frozen=True, kw_only=True):
    """The settings of the polls that ask AT&T's gateway, or one with GSMA OneAPI's signature."""

    base_url: str
    client_id_env: str
    """Name of the environment variable with the client's id."""
    client_secret_env: str
    """Name of the one with its secret."""
    auth: Literal["oauth", "basic"] = "oauth"
    """OAuth v4 as at AT&T; `basic` for OneAPI servers that know nothing else."""
    token_url: str = ""
    """Of OAuth's token endpoint; empty for `/oauth/v4/token` at `base_url`."""
    scope: str = ""
    """Of the access token, comma-separated; empty for what the kind needs."""

    @property
    def tokens_from(self) -> str:
        """Return the URL of the token endpoint."""
        return self.token_url or f"{self.base_url.rstrip('/')}/oauth/v4/token"


class AttInboxPoll(_GatewayPoll, frozen=True, kw_only=True, tag="att-inbox"):
    """Messages to an offline short code (Get SMS). Each answer removes what it hands out."""

    signature: Signature = "att"
    registration: str
    """The short code."""
    path: str = ""
    """Template of the request's path, with `{registration}`; empty for the signature's own."""

    @property
    def template(self) -> str:
        """Return the template of the request's path."""
        return self.path or _INBOX[self.signature]


class AttStatusPoll(_GatewayPoll, frozen=True, kw_only=True, tag="att-status"):
    """Delivery statuses of messages sent without a notification (Get SMS Delivery Status)."""

    signature: Signature = "att"
    sender: str = ""
    """For `{sender}`, where a watched id comes without one: the short code that sends."""
    path: str = ""
    """Template of the query's path, with `{id}` and, if wanted, `{sender}`; empty for the
    signature's own. GSMA's own order is
    `/3/smsmessaging/outbound/{sender}/requests/{id}/deliveryInfos`."""
    rate: Annotated[float, Meta(gt=0, le=1000)] = 5
    """Requests a second."""

    @property
    def seconds(self) -> float:
        """Return the seconds between two looks at which messages are due: each has its own time."""
        return _EVERY_DUE

    @property
    def template(self) -> str:
        """Return the template of the query's path."""
        return self.path or _STATUS[self.signature]

    @property
    def send_template(self) -> str:
        """Return the template of the path that a message is sent to (Send SMS)."""
        return _SEND[self.signature]


class AttMessagesPoll(_GatewayPoll, frozen=True, kw_only=True, tag="att-messages"):
    """The changes of one subscriber's mailbox (In-App Messaging), with that subscriber's
    consent.
    """

    mailbox: str
    """The name that the events give the mailbox, such as its telephone number."""
    redirect_uri: str
    """As it is registered with AT&T; where the subscriber's browser is sent after the consent."""
    text: bool = False
    """Whether texts and subjects come in at all: mailboxes are private."""

    @property
    def seconds(self) -> float:
        """Return the seconds between two looks: these remove nothing."""
        return float(self.every or _EVERY_MAILBOX)


class CamaraDevicePoll(_Poll, frozen=True, kw_only=True, tag="camara-device"):
    """The status of devices (CAMARA retrieve), asked for at an `[[operator]]`; an event when it has
    changed.
    """

    operator: str
    devices: tuple[str, ...] = ()
    devices_file: str = ""
    """One device a line; relative to the directory of `receiver.toml`."""


Poll = AttInboxPoll | AttStatusPoll | AttMessagesPoll | CamaraDevicePoll
GatewayPoll = AttInboxPoll | AttStatusPoll | AttMessagesPoll


def variables(polls: Sequence[Poll]) -> set[str]:
    """Return the environment variables that the polls name."""
    return {
        name
        for poll in polls
        if isinstance(poll, GatewayPoll)
        for name in (poll.client_id_env, poll.client_secret_env)
    }


def variable_faults(poll: Poll, values: Mapping[str, str]) -> dict[str, str]:
    """Return variable -> what is wrong with it and what to do; never the value itself."""
    found = {
        name: unsendable(values[name])
        if values.get(name)
        else "is not set: set it for `receiver poll`"
        for name in variables((poll,))
    }
    return {name: wrong for name, wrong in found.items() if wrong}


def twins(polls: Sequence[Poll]) -> list[tuple[str, str]]:
    """Return pairs of polls that take each other's messages: one registration at one gateway."""
    seen: dict[tuple[str, str], str] = {}
    found = []
    for poll in polls:
        if isinstance(poll, AttInboxPoll):
            first = seen.setdefault((poll.base_url.rstrip("/"), poll.registration), poll.name)
            if first != poll.name:
                found.append((first, poll.name))
    return found
