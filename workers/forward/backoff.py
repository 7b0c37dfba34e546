"""Exponential backoff with full jitter between the attempts of a delivery."""

import random
from typing import Final

FIRST: Final = 5.0
"""Seconds: the longest wait after the first attempt; it doubles with each."""
LONGEST: Final = 3600.0


def wait(attempts: int) -> float:
    """Return the seconds to wait after so many failed attempts: exponential, with full jitter.

    Full jitter: anywhere between nothing and the bound, so that deliveries which failed together
    are not retried together.
    """
    bound = min(LONGEST, FIRST * 2 ** min(attempts - 1, 20))
    return random.uniform(0, bound)  # noqa: S311 - no secret
