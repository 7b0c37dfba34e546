"""How long things take and rest: SUBSCRIPTIONS' numbers in one place."""

import random

from msgspec import Struct

DAY = 86_400.0


class Pace(Struct, frozen=True, kw_only=True):
    """Seconds."""

    overlap: float = 60.0
    """A predecessor lives this long beside its successor."""
    between_lists: float = 60.0
    """Between the two lists that prove an attempt's absence."""
    settle: float = 5.0
    """Between two looks at what was accepted or deleted."""
    pending: float = 600.0
    """After a 202 a GET may be answered 404 this long."""
    first: float = 5.0
    longest: float = 600.0
    quota: float = 3600.0
    refused: float = DAY
    orphans: float = 3600.0
    """Between two looks for orphans."""
    devices: float = 10.0
    """Between two looks at the files of devices."""
    grace: float = DAY
    """A credential outlives its subscription this long, for the notice of the end."""

    def backoff(self, failures: int) -> float:
        """Return 5 s to 10 min, doubling, with full jitter but never nothing."""
        longest = min(self.first * 2.0 ** min(failures, 20), self.longest)
        return max(self.first / 2, random.uniform(0, longest))  # noqa: S311 - not a secret


def life(days: float, max_days: float | None) -> float:
    """Return the seconds to ask for: 10 % off either way, so that renewals do not come together."""
    most = max_days or days * 1.1
    jittered = days * random.uniform(0.9, 1.1)  # noqa: S311 - not a secret
    return (jittered if days * 1.1 <= most else days * random.uniform(0.8, 1.0)) * DAY  # noqa: S311


def renewal(created: float, ends: float) -> float:
    """Return when the successor is due: a quarter of the life before its end, at least an hour, but
    never in the first half.
    """
    lives = ends - created
    return ends - min(max(lives / 4, 3600.0), lives / 2)
