"""The Retry-After of an answer, in either of its forms (RFC 9110, 10.2.3)."""

import email.utils
from typing import Final

_LONGEST_WAIT: Final = 3600.0
"""Seconds: no Retry-After keeps us away for longer."""


def retry_after(value: str, now: float, date: str = "") -> float | None:
    """Return the seconds that a Retry-After asks for, 0 to 3,600; None where it says nothing.

    `date` is the answer's Date: a time is meant by the clock that said it, which may be hours off
    ours (`now`).
    """
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:12]), _LONGEST_WAIT)
    until, said = _seconds(value), _seconds(date)
    if until is None:
        return None
    return min(max(until - (now if said is None else said), 0.0), _LONGEST_WAIT)


def _seconds(date: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None
