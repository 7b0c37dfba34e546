"""What is wrong with a `[[poll]]` that its types cannot check."""

import re
import string
from collections.abc import Iterator, Sequence
from typing import Any, Final

from receiver.config import operators
from receiver.config.listeners import LISTENER_NAME
from receiver.config.operators import Operator
from receiver.config.polls import (
    AttInboxPoll,
    AttMessagesPoll,
    AttStatusPoll,
    CamaraDevicePoll,
    GatewayPoll,
    Poll,
)

Said = tuple[str, str]
"""A key, and what to do about it."""

_NAMES_ID: Final = re.compile(r"/\{id\}(?:/deliveryInfos)?$", re.IGNORECASE).search
"""The message id of an answer is found there in the path that was asked for."""
_PATH: Final = re.compile(r"/[!-~]*").fullmatch
_WORD: Final = re.compile(r"[!-~]{1,64}").fullmatch


def faults(poll: Poll, known: Sequence[Operator]) -> Iterator[Said]:
    """Return the keys at fault and what to do. `known` are the operators of `receiver.toml`."""
    if poll.listener and not LISTENER_NAME.fullmatch(poll.listener):
        yield "listener", "1 to 64 of a-z, 0-9 and - are wanted"
    if isinstance(poll, CamaraDevicePoll):
        yield from _of_devices(poll, known)
        return
    yield from _of_gateway(poll)
    if isinstance(poll, AttInboxPoll):
        if not _WORD(poll.registration):
            yield "registration", "the short code is wanted, such as 22627000"
        yield from _of_template(poll.path, "registration")
    elif isinstance(poll, AttStatusPoll):
        yield from _of_status(poll)
    else:
        yield from _of_mailbox(poll)


def _of_devices(poll: CamaraDevicePoll, known: Sequence[Operator]) -> Iterator[Said]:
    operator = next((each for each in known if each.name == poll.operator), None)
    if operator is None:
        yield "operator", f"there is no [[operator]] {poll.operator!r}"
    elif not (operator.status or operator.roaming_status):
        yield "operator", f"operator {operator.name!r} has no status = URL to ask"
    if bool(poll.devices) == bool(poll.devices_file):
        yield "devices_file", "devices_file or devices is wanted, one of the two"


def _of_gateway(poll: GatewayPoll) -> Iterator[Said]:
    if wrong := operators.url_fault(poll.base_url, bare=True):
        yield "base_url", wrong
    if poll.token_url and (wrong := operators.url_fault(poll.token_url)):
        yield "token_url", wrong
    for key in ("client_id_env", "client_secret_env"):
        if not operators.VARIABLE(getattr(poll, key)):
            yield key, "the name of an environment variable is wanted, never the value itself"


def _of_status(poll: AttStatusPoll) -> Iterator[Said]:
    if poll.sender and not _WORD(poll.sender):
        yield "sender", "the short code that sends is wanted, such as 22627000"
    if poll.path and not _NAMES_ID(poll.path):
        yield "path", "a path that ends with /{id} or /{id}/deliveryInfos is wanted"
    else:
        yield from _of_template(poll.path, "id", "sender")


def _of_mailbox(poll: AttMessagesPoll) -> Iterator[Said]:
    if not _WORD(poll.mailbox):
        yield "mailbox", "a name for the mailbox is wanted, such as +12065550100"
    if wrong := operators.url_fault(poll.redirect_uri):
        yield "redirect_uri", wrong


def _of_template(path: str, needed: str, *more: str) -> Iterator[Said]:
    """Check a path with names in braces, of which `needed` must be there."""
    if path and not _is_template(path, needed, more):
        yield "path", f"a path such as /3/…/{{{needed}}} is wanted"


def _is_template(path: str, needed: str, more: Sequence[str]) -> bool:
    if not _PATH(path):
        return False
    try:
        fields: list[Any] = [(name, how) for _, name, how, _ in string.Formatter().parse(path)]
    except ValueError:
        return False
    names = {name for name, _ in fields if name is not None}
    return needed in names and not (names - {needed, *more} or any(how for _, how in fields))
