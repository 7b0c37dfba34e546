"""The simulator's own records of what was sent and what was published, and the verdict.

Nothing here needs an id of the receiver's: an event is recognised by the mark in its content, so
this works for any receiver whose events are on a Redis Stream.
"""

import math
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from receiver.simulate.plan import Planned
from receiver.simulate.rules import Answer


class Record(Struct, gc=False):
    """One notification: when first sent, when first acknowledged, how often published."""

    hostile: bool
    sent: float = math.inf
    acknowledged: float = math.inf
    published: int = 0


class Verdict(Struct, frozen=True, kw_only=True):
    """The result of a run; counted in notifications where not said otherwise."""

    run: str
    seed: int
    begun: float
    """Seconds since 1970; all times in a log count from here."""
    seconds: float
    sent: int
    acknowledged: int
    given_up: int
    """Never acknowledged, and the carrier tries no more."""
    attempts: int
    answers: dict[str, int]
    """Attempts by status, or by what went wrong."""
    latency: dict[str, float | None]
    """Milliseconds from the moment an attempt was due to its 2xx."""
    hostile: int
    """Malformed, oversized or unauthorised ones, sent beside the notifications."""
    hostile_taken: int
    let_in: int
    """Acknowledged without a valid token."""
    subscriptions_ended: int
    """CAMARA subscriptions that a 401 or 410 ended."""
    withheld: int
    """Not sent, because their subscription had ended."""
    verified: bool
    """Whether a stream was read; if not, the four that follow say nothing."""
    published: int
    lost: int
    """Acknowledged, and not on the stream within the settling time."""
    duplicated: int
    """Came out more than once."""
    out_of_order: int
    """Came out behind one that was sent only after this one had been acknowledged."""
    examples: dict[str, list[str]]
    """A few marks of the lost and of the duplicated, to look for."""
    nowhere: bool
    """Every answer to the token was 404."""
    unauthorised: bool
    """Every answer to the token was 401."""
    unreachable: bool
    """No attempt found anybody who listens."""

    @property
    def faults(self) -> list[str]:
        """Return why the receiver did not pass, in words; empty when it did."""
        found = {
            f"{self.lost:,} acknowledged and lost": self.lost,
            f"{self.duplicated:,} published more than once": self.duplicated,
            f"{self.let_in:,} let in without a valid token": self.let_in,
            f"{self.subscriptions_ended:,} subscriptions ended by a 401 or 410 to a valid token": (
                self.subscriptions_ended and not self.unauthorised
            ),
            "every answer was 404: another --url, --listener or [paths] is wanted": self.nowhere,
            "every answer was 401: another --token is wanted": self.unauthorised,
            "every attempt was unreachable: another --url, or PORT, is wanted": self.unreachable,
            "nothing was acknowledged": not self.acknowledged and self.sent,
        }
        return [words for words, count in found.items() if count]


class RunLedger:
    """The records of one run. Times are seconds from its beginning."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.answers: Counter[str] = Counter()
        self.latencies = array("d")
        self.sent = self.acknowledged = self.published = self.missing = 0
        """Notifications; `missing` were acknowledged and have not come out yet."""
        self.given_up = self.withheld = self.subscriptions_ended = 0
        self._records: dict[int, dict[str, Record]] = {}
        self._hostile: Counter[str] = Counter()
        self._taken: Counter[str] = Counter()
        self._out_of_order = 0
        self._statuses: Counter[int] = Counter()
        """Of the responses to good ones."""
        self._latest_sent = -math.inf
        self._marks = re.compile(b"(?i)" + run.encode() + b"([0-9a-f]{8})").findall

    def send(self, planned: Planned, now: float) -> None:
        """Record the start of an attempt: what may be published has to be known before it can."""
        record = self._record(planned)
        if record.sent < math.inf:
            return
        record.sent = now
        if planned.hostile:
            self._hostile[planned.hostile] += 1
        else:
            self.sent += 1

    def answer(self, planned: Planned, answer: Answer, due: float, now: float) -> None:
        """Record the outcome of an attempt."""
        self.answers[answer.outcome] += 1
        if answer.status and not planned.hostile:
            self._statuses[answer.status] += 1
        if not answer.acknowledged:
            return
        if planned.hostile:
            self._taken[planned.hostile] += 1
            return
        if planned.conduct != "slow":  # it took its time on purpose
            self.latencies.append(now - due)
        record = self._record(planned)
        if record.acknowledged == math.inf:
            record.acknowledged = now
            self.acknowledged += 1
            self.missing += not record.published

    def all_alike(self, least: int) -> bool:
        """Return whether so many responses, and all, were one that no repetition mends: a receiver
        that does not listen yet may do so later.
        """
        return any(self._all(one, least) for one in (401, 404))

    def _all(self, status: int, least: int = 1) -> bool:
        return self._statuses[status] == self._statuses.total() >= least

    def is_acknowledged(self, planned: Planned) -> bool:
        """Return whether any attempt at this notification was acknowledged."""
        return self._record(planned).acknowledged < math.inf

    def publish(self, values: Iterable[bytes]) -> bool:
        """Record one stream entry by its values, in whatever shape the receiver writes them.

        Returns whether it came from this run.
        """
        document = b"\n".join(values)
        marks = {int(found, 16) for found in self._marks(document)}
        for mark in marks:
            record = _match(self._records.get(mark, {}), document)
            if record and not record.hostile:
                self._count_publication(record)
        return bool(marks)

    def verdict(self, *, seed: int, seconds: float, verified: bool, begun: float = 0.0) -> Verdict:
        """Return the result of the run so far."""
        lost = self._marks_of(lambda each: each.acknowledged < math.inf and not each.published)
        twice = self._marks_of(lambda each: each.published > 1)
        return Verdict(
            run=self.run,
            seed=seed,
            begun=round(begun, 3),
            seconds=round(seconds, 1),
            sent=self.sent,
            acknowledged=self.acknowledged,
            given_up=self.given_up,
            attempts=self.answers.total(),
            answers=dict(sorted(self.answers.items())),
            latency=percentiles(self.latencies),
            hostile=self._hostile.total(),
            hostile_taken=self._taken.total(),
            let_in=self._taken["no token"] + self._taken["wrong token"],
            subscriptions_ended=self.subscriptions_ended,
            withheld=self.withheld,
            verified=verified,
            published=self.published,
            lost=len(lost) if verified else 0,
            duplicated=len(twice),
            out_of_order=self._out_of_order,
            examples={"lost": lost[:5] if verified else [], "duplicated": twice[:5]},
            nowhere=self._all(404),
            unauthorised=self._all(401),
            unreachable=self.answers["unreachable"] == self.answers.total() > 0,
        )

    def _record(self, planned: Planned) -> Record:
        same_mark = self._records.setdefault(planned.mark, {})
        return same_mark.setdefault(planned.word, Record(bool(planned.hostile)))

    def _count_publication(self, record: Record) -> None:
        record.published += 1
        if record.published > 1:
            return
        self.published += 1
        self.missing -= record.acknowledged < math.inf
        self._out_of_order += record.acknowledged < self._latest_sent
        self._latest_sent = max(self._latest_sent, record.sent)

    def _marks_of(self, wanted: Callable[[Record], bool]) -> list[str]:
        return [
            f"{self.run}{mark:08x} {word}".rstrip()
            for mark, records in self._records.items()
            for word, record in records.items()
            if not record.hostile and wanted(record)
        ]


def percentiles(values: Sequence[float]) -> dict[str, float | None]:
    """Return percentiles of seconds, in milliseconds, by nearest rank; None of nothing."""
    ordered = sorted(values)
    points = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
    if not ordered:
        return dict.fromkeys(points)
    ranks = {name: max(0, math.ceil(share * len(ordered)) - 1) for name, share in points.items()}
    return {name: round(ordered[rank] * 1000, 2) for name, rank in ranks.items()}


def _match(records: dict[str, Record], document: bytes) -> Record | None:
    """Return the record whose word the document has; without a word, the first not published."""
    for word, record in records.items():
        if word and word.encode() in document:
            return record
    waiting = (record for record in records.values() if not record.published)
    return next(waiting, next(iter(records.values()), None))
