"""How long a controller waits between two steps, and how long what it creates lives."""

import random

from msgspec import Struct

from receiver.config import devices

DAY = 86_400.0
EARLY = 60.0
"""Seconds of life under which an end is early."""


class Timing(Struct, frozen=True, kw_only=True):
    """Intervals, in seconds."""

    report: float = 5.0
    """Between two counts of what metrics and doctor tell."""
    overlap: float = 60.0
    """How long a predecessor lives beside its successor."""
    between_lists: float = 60.0
    """Between the two lists that prove that an attempt created nothing."""
    recheck: float = 5.0
    """Between two requests about a subscription that was accepted, or is to be deleted."""
    pending_limit: float = 600.0
    """How long after a 202 a GET may be answered 404."""
    first_backoff: float = 5.0
    longest_backoff: float = 600.0
    quota_pause: float = 3600.0
    refused_pause: float = DAY
    orphan_check: float = 3600.0
    """Between two searches for orphans."""
    device_check: float = 10.0
    """Between two looks at the files of devices."""
    device_settled: float = devices.SETTLED
    """For how long a file of devices has to be the same before it is taken."""
    credential_grace: float = DAY
    """How long a credential outlives its subscription, for the notice of the end."""

    def backoff(self, failures: int) -> float:
        """Return 5 s to 10 min, doubling, with full jitter but at least half of the first."""
        longest = min(self.first_backoff * 2.0 ** min(failures, 20), self.longest_backoff)
        return max(self.first_backoff / 2, random.uniform(0, longest))  # noqa: S311 - not a secret


def requested_life(days: float, max_days: float | None) -> float:
    """Return the seconds to ask for: jittered, so that renewals spread, and at most `max_days`."""
    most = max_days or days * 1.1
    jittered = days * random.uniform(0.9, 1.1)  # noqa: S311 - not a secret
    return (jittered if days * 1.1 <= most else days * random.uniform(0.8, 1.0)) * DAY  # noqa: S311


def last_chance(ends: float, renew: float) -> float:
    """Return when a renewal that has failed so far is due in spite of what forbids it: an hour
    before the end, or in the second half of the time for renewals.
    """
    return ends - min(3600.0, (ends - renew) / 2)


def renewal_due(created: float, ends: float) -> float:
    """Return when the successor is due: a quarter of the life before its end, at least an hour, but
    never in the first half or the first minute: one that has ended already would be renewed without
    rest.
    """
    first, lives = created + EARLY, ends - created
    return round(max(first, ends - min(max(lives / 4, 3600.0), lives / 2)), 3)
