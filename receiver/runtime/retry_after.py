"""The Retry-After of an answer, in either of its forms (RFC 9110, 10.2.3)."""

import email.utils
from typing import Final

_LONGEST_WAIT: Final = 3600.0
"""Seconds: no Retry-After keeps us away for longer."""


def retry_after(value: str, now: float) -> float | None:
    """Return the seconds that a Retry-After asks for, 0 to 3,600; None where it says nothing."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:12]), _LONGEST_WAIT)
    try:
        until = email.utils.parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(until - now, 0.0), _LONGEST_WAIT)
