"""When a failed delivery is tried again."""

import random
from typing import Final

FIRST: Final = 5.0
"""Seconds: the longest wait after the first attempt; it doubles with each."""
LONGEST: Final = 3600.0


def wait(attempts: int, uniform: "random.Random | None" = None) -> float:
    """Seconds to wait after so many failed attempts: exponential, with full jitter.

    Full jitter: anywhere between nothing and the bound, so that what failed together does not
    come back together.
    """
    bound = min(LONGEST, FIRST * 2 ** min(attempts - 1, 20))
    return (uniform or random).uniform(0, bound)
