"""The Retry-After of an answer, in either of its forms (RFC 9110, 10.2.3)."""

import email.utils
from datetime import UTC
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
    until = http_date(value) if value else None
    if until is None:
        return None
    said = http_date(date)
    return min(max(until - (now if said is None else said), 0.0), _LONGEST_WAIT)


def http_date(date: str) -> float | None:
    """Return the date in a header, in seconds since 1970; None where it is none. All of its
    forms are in GMT, also the one that does not say so (RFC 9110, 5.6.7).
    """
    try:
        found = email.utils.parsedate_to_datetime(date)
        return found.replace(tzinfo=found.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None
