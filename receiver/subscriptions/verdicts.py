"""What an operator's answer to a creation means, and what follows: SUBSCRIPTIONS 5.5 as tables."""

from typing import Final, Literal

from msgspec import Struct

from receiver.outbound import Answer
from receiver.subscriptions.wire import DEAD, Seen, subscription

Kind = Literal[
    "active", "pending", "unknown", "again", "refused", "set", "exists", "quota", "unauthorised"
]

_OF_THE_SET: Final = frozenset({"MISSING_IDENTIFIER", "UNNECESSARY_IDENTIFIER"})
"""Codes of a 422 that every device of a set would get."""
_EXISTS: Final = frozenset({"ALREADY_EXISTS", "CONFLICT"})


class Verdict(Struct, frozen=True, kw_only=True):
    """`active` and `pending` name the subscription; of all others nothing was created but, perhaps,
    of `unknown`.
    """

    kind: Kind
    seen: Seen | None = None
    error: str = ""
    """Status and code, for a person."""
    wait: float | None = None
    """Seconds that the operator asks for."""


def of_creation(answer: Answer) -> Verdict:
    """Judge the answer to a POST."""
    error = f"{answer.status} {answer.code}".rstrip()
    if answer.status < 300:
        return _created(answer, error)
    if answer.status >= 500 or answer.status < 400:
        return Verdict(kind="unknown", error=error)
    return Verdict(kind=_kind(answer.status, answer.code), error=error, wait=answer.retry_after)


def _created(answer: Answer, error: str) -> Verdict:
    seen = subscription(answer.document)
    if seen is None:
        return Verdict(kind="unknown", error=f"{error} without an id")
    waits = answer.status == 202 or seen.status == "ACTIVATION_REQUESTED" or seen.status in DEAD
    return Verdict(kind="pending" if waits else "active", seen=seen)


def _kind(status: int, code: str) -> Kind:
    match status:
        case 401:
            return "unauthorised"
        case 400:
            return "set"
        case 409:
            return "exists" if code in _EXISTS else "again"
        case 422 if code in _OF_THE_SET:
            return "set"
        case 404 if code == "NOT_FOUND":  # the URL: a device would be IDENTIFIER_NOT_FOUND
            return "set"
        case 403 | 404 | 410 | 422:
            return "refused"
        case 429 if code == "QUOTA_EXCEEDED":
            return "quota"
        case 408 | 425 | 429:
            return "again"
        case _:
            return "set"
