"""The polls of `receiver.toml`: what is fetched instead of pushed, from where, and how often.

Secrets are not in the file: it names environment variables, and only `receiver poll` needs their
values.
"""

import re
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from receiver.config import operators
from receiver.config.operators import Operator
from receiver.config.sinks import Name
from receiver.config.toml_errors import line_of

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
_LISTENER: Final = re.compile(r"[a-z0-9-]{1,64}").fullmatch
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch
_NAMES_ID: Final = re.compile(r"/\{id\}(?:/deliveryInfos)?$", re.IGNORECASE).search
"""The message id of an answer is found there in the path that was asked for."""
_PATH: Final = re.compile(r"/[!-~]*").fullmatch
_WORD: Final = re.compile(r"[!-~]{1,64}").fullmatch


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


def beside(poll: Poll, toml: Path) -> Poll:
    """Return the poll with its file of devices resolved against the directory of
    `receiver.toml`.
    """
    if isinstance(poll, CamaraDevicePoll) and poll.devices_file:
        return msgspec.structs.replace(poll, devices_file=str(toml.parent / poll.devices_file))
    return poll


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
    return {
        name: "is not set: set it for `receiver poll`"
        for name in variables((poll,))
        if not values.get(name)
    }


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


def first_fault(text: str, polls: Sequence[Poll], known: Sequence[Operator]) -> str:
    """Return the first fault of the polls as one line, or nothing. `text` is that of
    `receiver.toml`.
    """
    names: set[str] = set()
    for index, poll in enumerate(polls):
        twin = poll.name in names
        wrong = ("name", "another poll has it: take another") if twin else fault(poll, known)
        if wrong:
            line = line_of(text, "poll", index, wrong[0])
            return f"line {line}: poll {poll.name!r}, {wrong[0]}: {wrong[1]}"
        names.add(poll.name)
    return ""


def fault(poll: Poll, known: Sequence[Operator]) -> tuple[str, str] | None:
    """Return what the types cannot check: the key at fault and what to do. None when all is
    right. `known` are the operators of `receiver.toml`.
    """
    if poll.listener and not _LISTENER(poll.listener):
        return "listener", "1 to 64 of a-z, 0-9 and - are wanted"
    if isinstance(poll, CamaraDevicePoll):
        return _devices_fault(poll, known)
    if wrong := _gateway_fault(poll):
        return wrong
    if isinstance(poll, AttInboxPoll):
        if not _WORD(poll.registration):
            return "registration", "the short code is wanted, such as 22627000"
        return _template_fault(poll.path, "registration")
    if isinstance(poll, AttStatusPoll):
        return _status_fault(poll)
    return _mailbox_fault(poll)


def _devices_fault(poll: CamaraDevicePoll, known: Sequence[Operator]) -> tuple[str, str] | None:
    operator = next((each for each in known if each.name == poll.operator), None)
    if operator is None:
        return "operator", f"there is no [[operator]] {poll.operator!r}"
    if not (operator.status or operator.roaming_status):
        return "operator", f"operator {operator.name!r} has no status = URL to ask"
    if bool(poll.devices) == bool(poll.devices_file):
        return "devices_file", "devices_file or devices is wanted, one of the two"
    return None


def _gateway_fault(poll: GatewayPoll) -> tuple[str, str] | None:
    if wrong := operators.url_fault(poll.base_url, bare=True):
        return "base_url", wrong
    if poll.token_url and (wrong := operators.url_fault(poll.token_url)):
        return "token_url", wrong
    for key in ("client_id_env", "client_secret_env"):
        if not _VARIABLE(getattr(poll, key)):
            return key, "the name of an environment variable is wanted, never the value itself"
    return None


def _status_fault(poll: AttStatusPoll) -> tuple[str, str] | None:
    if poll.sender and not _WORD(poll.sender):
        return "sender", "the short code that sends is wanted, such as 22627000"
    if poll.path and not _NAMES_ID(poll.path):
        return "path", "a path that ends with /{id} or /{id}/deliveryInfos is wanted"
    return _template_fault(poll.path, "id", "sender")


def _mailbox_fault(poll: AttMessagesPoll) -> tuple[str, str] | None:
    if not _WORD(poll.mailbox):
        return "mailbox", "a name for the mailbox is wanted, such as +12065550100"
    if wrong := operators.url_fault(poll.redirect_uri):
        return "redirect_uri", wrong
    return None


def _template_fault(path: str, needed: str, *more: str) -> tuple[str, str] | None:
    """A path, with names in braces, of which the first must be there."""
    if not path:
        return None
    wanted = f"a path such as /3/…/{{{needed}}} is wanted"
    if not _PATH(path):
        return "path", wanted
    try:
        fields: list[Any] = [(name, how) for _, name, how, _ in string.Formatter().parse(path)]
    except ValueError:
        return "path", wanted
    names = {name for name, _ in fields if name is not None}
    if needed not in names or names - {needed, *more} or any(how for _, how in fields):
        return "path", wanted
    return None
