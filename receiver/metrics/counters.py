"""The counters and histograms of one process, added to Redis once a second.

What Redis counts anyway, in the scripts that make it true, is read from there. This is the rest:
answers, times, and when each listener last heard something. Every process adds its own to hashes
that all share, so that a scrape of any process shows all of them and nobody's files go stale. What
a process had counted within the last second when it was killed is not in them.
"""

import secrets
from bisect import bisect_left, bisect_right
from collections import Counter
from itertools import chain
from math import inf
from typing import Any, Final

from receiver.contract.redis_keys import HEARD, METER
from receiver.runtime import scripts

ACKNOWLEDGED: Final = "acknowledged"
PUBLISHED: Final = "published"
DELIVERED: Final = "delivered"
BOUNDS: Final = {
    ACKNOWLEDGED: (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0),
    PUBLISHED: (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 30.0, 300.0, 3600.0),
    DELIVERED: (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 30.0, 300.0, 3600.0, 86400.0),
}
"""Histogram -> upper bounds of its buckets, in seconds; one more bucket takes the rest."""
LISTENERS: Final = 200
"""Names that are told apart besides those that are configured; those beyond are together `OTHER`,
or a sender could invent any."""
OTHER: Final = "other"


class Times:
    """Hold one histogram of durations."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, name: str) -> None:
        self._bounds = BOUNDS[name]
        self.counts = [0] * (len(self._bounds) + 1)
        self.total = 0.0

    def took(self, seconds: float) -> None:
        """Add one duration in seconds. Each request does: one bisection and two additions."""
        self.counts[bisect_left(self._bounds, seconds)] += 1
        self.total += seconds

    def all_took(self, seconds: list[float]) -> None:
        """Add many durations in seconds at once, which costs a fraction of adding each."""
        seconds.sort()
        before = 0
        for index, bound in enumerate((*self._bounds, inf)):
            upto = bisect_right(seconds, bound)
            self.counts[index] += upto - before
            before = upto
        self.total += sum(seconds)


class Counters:
    """Hold the counts and durations of one process since they were last written to Redis."""

    def __init__(self) -> None:
        self.answered: Counter[tuple[str, int]] = Counter()
        """(callback, status) -> how often; status 0 where the sender left before the answer."""
        self.heard: dict[str, int] = {}
        """Listener -> when it last got a notification that was kept: milliseconds since 1970."""
        self.configured = 0
        """Listeners that `receiver.toml` names: nobody has invented those."""
        self._times: dict[tuple[str, str], Times] = {}
        self._writer = f"{METER}:{secrets.token_hex(8)}"
        self._number = 0
        self._text = scripts.load(__package__, "counters")
        self._unwritten: list[Any] = []

    def times(self, name: str, label: str = "") -> Times:
        """Return the histogram of a name and label."""
        if found := self._times.get((name, label)):
            return found
        return self._times.setdefault((name, label), Times(name))

    def command(self) -> list[Any]:
        """Return the arguments of an EVAL that adds what is new; the same again until `written`;
        empty when nothing is new.
        """
        if not self._unwritten:
            self._unwritten = self._new()
        if not self._unwritten:
            return []
        keys = [METER, HEARD, self._writer]
        apart = LISTENERS + self.configured
        return [self._text, len(keys), *keys, self._number, apart, *self._unwritten]

    def written(self) -> None:
        """Note that Redis has taken the last command."""
        self._unwritten = []

    def _new(self) -> list[Any]:
        """Take what is new. How the fields are named: `answered|callback|status`, and per
        histogram `name|label|upper bound in seconds` and `name|label|sum`, in microseconds.
        """
        counts = {f"answered|{name}|{code}": many for (name, code), many in self.answered.items()}
        for (name, label), times in self._times.items():
            counts |= _fields(f"{name}|{label}|", BOUNDS[name], times)
            times.counts, times.total = [0] * len(times.counts), 0.0
        heard = list(chain.from_iterable(self.heard.items()))
        self.answered.clear()
        self.heard.clear()
        if not counts and not heard:
            return []
        self._number += 1
        return [len(counts), *chain.from_iterable(counts.items()), *heard]


def _fields(prefix: str, bounds: tuple[float, ...], times: Times) -> dict[str, int]:
    named = zip((*bounds, "inf"), times.counts, strict=True)
    found = {f"{prefix}{bound}": count for bound, count in named if count}
    return found | {f"{prefix}sum": round(times.total * 1_000_000)} if found else {}
