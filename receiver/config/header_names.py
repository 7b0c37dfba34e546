"""The names of request headers: which may hold a secret, and which somebody wants kept."""

import re
from typing import Final

MOST: Final = 32
"""Names in `RECEIVER_KEEP_HEADERS`."""
SECRET: Final = re.compile(
    b"auth|cookie|token|secret|passw|signature|session|credential|jwt|hmac|assertion"
    b"|(?:api|access|subscription|functions?|shared|consumer)[-_]?key"
).search
"""Finds in a header's name, in lower case, what says that it may hold a secret."""
_NAME: Final = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,64}").fullmatch


def names(value: str) -> frozenset[bytes]:
    """Return the names in `RECEIVER_KEEP_HEADERS`, in lower case, separated by commas or blanks.
    Raises `ValueError` for what is no name, and for one that may hold a secret.
    """
    found = value.lower().replace(",", " ").split()
    if len(found) > MOST:
        raise ValueError(f"at most {MOST} names are wanted")
    for name in found:
        if not _NAME(name) or "*" in name:
            raise ValueError("names of headers such as user-agent are wanted, between commas")
        if SECRET(name.encode()):
            raise ValueError(f"{name} may hold a secret, and none is kept: leave it out")
    return frozenset(name.encode() for name in found)
