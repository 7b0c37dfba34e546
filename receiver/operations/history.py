"""The stored samples of the last hours, and what happened between them."""

import math
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import redis

from receiver.contract.records import Sample, decode_sample
from receiver.contract.redis_keys import HISTORY
from receiver.contract.stored_values import decoded
from receiver.runtime.redis_errors import unless_foreign

MINUTE: Final = 60_000

Stored = tuple[int, Sample]
"""When it was taken (ms since 1970), and the sample."""


class Span(msgspec.Struct, frozen=True):
    """What happened in one span of time. None where no two samples tell."""

    start: int
    """Milliseconds since 1970."""
    accepted: float | None = None
    """Notifications a minute."""
    failed: float | None = None
    """Requests rejected, notifications not understood and attempts that failed, a minute."""
    waiting: int | None = None
    """The most that waited at once: notifications without an outcome, and deliveries to do."""
    published: list[int] | None = None
    """From receipt to the event: how many in each bucket."""


def read(client: redis.Redis, since: int) -> list[Stored]:
    """Return the samples from a time (ms) on, the oldest first; none where the key is somebody
    else's. Raises `redis.RedisError`.
    """
    first = f"{max(0, since)}-0"
    found: Any = unless_foreign(lambda: client.xrange(HISTORY, min=first), [])
    samples = ((entry, decoded(decode_sample, fields.get(b"s"))) for entry, fields in found)
    # One that is None is somebody else's, or of another version.
    return [(int(entry.partition(b"-")[0]), one) for entry, one in samples if one]


def spans(samples: Sequence[Stored], first: int, length: int, count: int) -> list[Span]:
    """Return `count` spans of `length` milliseconds, the first from `first` on. `samples` begin
    before that, so that the first span too has something to begin with.
    """
    made: list[Span] = []
    before: Stored | None = None
    at = 0
    for number in range(count):
        start = first + number * length
        while at < len(samples) and samples[at][0] < start:
            before, at = samples[at], at + 1
        own = []
        while at < len(samples) and samples[at][0] < start + length:
            own.append(samples[at])
            at += 1
        made.append(_span(start, before, own, length))
        before = own[-1] if own else before
    return made


def percentile(counts: Sequence[int], bounds: Sequence[float], share: float) -> float | None:
    """Return the value below which a share of what was counted lies, by the buckets' upper bounds;
    in the last bucket, which has none, its lower one. None where nothing was counted.
    """
    wanted, below, lower = share * sum(counts), 0, 0.0
    for number, upper in zip(counts, (*bounds, math.inf), strict=True):
        if number and below + number >= wanted:
            return (
                lower if upper == math.inf else lower + (upper - lower) * (wanted - below) / number
            )
        below, lower = below + number, upper
    return None


def _span(start: int, before: Stored | None, own: list[Stored], length: int) -> Span:
    if not own:
        return Span(start)
    waiting = max(one.open + one.undelivered for _, one in own)
    # Over a gap in the samples nobody knows when it happened.
    known = before if before and before[0] >= start - length - MINUTE else own[0]
    minutes = (own[-1][0] - known[0]) / MINUTE
    changes = _changes(known[1], own[-1][1])
    if minutes <= 0 or changes is None:
        return Span(start, waiting=waiting)
    accepted, failed, published = changes
    return Span(start, accepted / minutes, failed / minutes, waiting, published)


def _changes(one: Sample, two: Sample) -> tuple[int, int, list[int]] | None:
    """Return what was accepted, what failed and what was published between two samples; None where
    a count went back, since another server has taken over, or buckets are of another version.
    """
    if len(one.published) != len(two.published):
        return None
    accepted = two.accepted - one.accepted
    failed = [
        two.rejected - one.rejected,
        two.dead - one.dead,
        two.failed_attempts - one.failed_attempts,
    ]
    published = [
        after - earlier for earlier, after in zip(one.published, two.published, strict=True)
    ]
    if min(accepted, *failed, *published) < 0:
        return None
    return accepted, sum(failed), published
