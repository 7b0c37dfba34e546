"""The tokens in `RECEIVER_BEARER_TOKENS`, as people and their tools write them.

What cannot be what a sender sends is refused, never taken: it would admit nobody, and the 401 that
the right token gets ends a CAMARA subscription.
"""

import os
import unicodedata
from typing import Final

LONGEST_TOKEN: Final = 4096
"""Characters; CAMARA's own bound on `accessToken` (device reachability subscriptions 0.8)."""
QUOTES: Final = frozenset("\"'`‘’‚“”„«»")  # noqa: RUF001 - those that word processors make


def split(value: str) -> list[str]:
    """Return the tokens between commas, blanks and line breaks. Raises `ValueError`, whose message
    shows no token.
    """
    found = value.replace(",", " ").split()
    for place, token in enumerate(found, 1):
        if wrong := _fault(token):
            raise ValueError(f"token {place} {wrong}")
    return found


def _fault(token: str) -> str:
    if QUOTES & set(token):
        return "has quotes in it, and they would be part of it: leave them out"
    if token.lower() == "bearer":
        return "is the word Bearer: give the tokens alone"
    if any(unicodedata.category(character) in ("Cc", "Cf") for character in token):
        return "has a character in it that cannot be seen: leave it out"
    if len(os.fsencode(token)) > LONGEST_TOKEN:
        return f"is longer than {LONGEST_TOKEN} bytes, and such a one is never admitted"
    return ""
