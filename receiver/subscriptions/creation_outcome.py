"""What an operator's answer to a creation means: a table of statuses and codes.

From the responses of POST /subscriptions in the official definitions (device-status 0.5.1, and
0.6.1 to 0.8.0 of its successors).
"""

from typing import Final, Literal

from msgspec import Struct

from receiver.outbound import Answer
from receiver.subscriptions.api_versions import RemoteSubscription, parse_answer

Kind = Literal[
    "active",
    "pending",
    "unknown",
    "retry",
    "refused",
    "set_refused",
    "exists",
    "quota",
    "unauthorised",
]

_SET_CODES: Final = frozenset({"MISSING_IDENTIFIER", "UNNECESSARY_IDENTIFIER"})
"""Codes of a 422 that every device of a set would get."""
_TRANSIENT_CODES: Final = frozenset({"ABORTED", "INCOMPATIBLE_STATE"})
"""Codes of a 409 that say nothing of another subscription; without a code, as where errors are no
ErrorInfo, there is one (ALREADY_EXISTS, CONFLICT)."""


class CreationOutcome(Struct, frozen=True, kw_only=True):
    """The outcome of one POST.

    `active` and `pending` have the subscription; with `unknown` there may be one; with all others
    nothing was created.
    """

    kind: Kind
    remote: RemoteSubscription | None = None
    error: str = ""
    """Status and code, for a person."""
    wait: float | None = None
    """Seconds that the operator asks to wait."""


def classify(answer: Answer) -> CreationOutcome:
    """Return the outcome that the answer to a POST stands for."""
    error = f"{answer.status} {answer.code}".rstrip()
    if answer.status < 300:
        return _created(answer, error)
    if answer.status >= 500 or answer.status == 303:  # 303 is said when it is done
        return CreationOutcome(kind="unknown", error=error)
    kind = _kind(answer.status, answer.code)
    return CreationOutcome(kind=kind, error=error, wait=answer.retry_after)


def _created(answer: Answer, error: str) -> CreationOutcome:
    remote = parse_answer(answer)
    if remote is None:
        return CreationOutcome(kind="unknown", error=f"{error} without an id")
    pending = answer.status == 202 or remote.is_requested or remote.is_dead
    return CreationOutcome(kind="pending" if pending else "active", remote=remote)


def _kind(status: int, code: str) -> Kind:
    match status:
        case 401:
            return "unauthorised"
        case 400:
            return "set_refused"
        case 409:
            return "retry" if code in _TRANSIENT_CODES else "exists"
        case 422 if code in _SET_CODES:
            return "set_refused"
        case 404 if code == "NOT_FOUND":  # the URL: a device would be IDENTIFIER_NOT_FOUND
            return "set_refused"
        case 403 | 404 | 410 | 422:
            return "refused"
        case 429 if code == "QUOTA_EXCEEDED":
            return "quota"
        case 408 | 425 | 429:
            return "retry"
        case status if status < 400:  # somebody points elsewhere, and has done nothing
            return "retry"
        case _:
            return "set_refused"
