"""Times as text: an age such as 10m, as people write it, or an RFC 3339 time."""

import re
import time
from datetime import UTC, datetime
from typing import Final

WANTED: Final = "an age such as 90s, 10m, 2h, 1d or a time such as 2026-01-31T12:00:00Z is wanted"
_AGE: Final = re.compile(r"([0-9]{1,9})([smhd])").fullmatch
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def rfc3339(when: datetime) -> str:
    """Return a time of UTC as RFC 3339 text, to the millisecond."""
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> int:
    """Return an age or a time as milliseconds since 1970; a time without a zone is UTC. Raises
    `ValueError` with what is wanted.
    """
    if age := _AGE(text):
        return max(0, int((time.time() - int(age[1]) * _SECONDS[age[2]]) * 1000))
    try:
        found = datetime.fromisoformat(text)
        return max(0, int(found.replace(tzinfo=found.tzinfo or UTC).timestamp() * 1000))
    except (ValueError, OverflowError):
        raise ValueError(WANTED) from None
