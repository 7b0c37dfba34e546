"""From every attempt and every fault to a few numbers."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from receiver.simulate.verdict import percentiles
from tests.chaos.faults import Done

AFTERMATH = 5.0
"""Seconds after a fault that still belong to its window: processes start, retries come in."""
_ALONE = 1.0
"""Seconds after a fault in which an interruption that begins is its doing."""


class Attempt(NamedTuple):
    """One attempt of a carrier's, in seconds from the beginning."""

    due: float
    answered: float
    said: str
    slow: bool

    @property
    def acknowledged(self) -> bool:
        return self.said.startswith("2")


class Second(NamedTuple):
    """What happened in one second."""

    acknowledged: int
    refused: int
    p99: float | None


class Gap(NamedTuple):
    """The longest time without any acknowledgement."""

    begin: float
    seconds: float
    during: list[str]
    """Faults that overlap it."""


class Interruption(NamedTuple):
    """The longest time without any acknowledgement of those that one kind of fault made."""

    seconds: float
    alone: bool
    """Whether no other kind of fault overlaps; where all of a kind overlap others, it does not say
    whose doing it was.
    """


class Measured(NamedTuple):
    """What a run is judged and reported by."""

    calm: dict[str, float | None]
    """Latency of what was due and acknowledged outside fault windows."""
    calm_share: float
    gap: Gap
    seconds: list[Second]
    kinds: dict[str, Interruption]


def read(log: Path) -> list[Attempt]:
    """The attempts at good notifications in a log of `receiver simulate`."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in log.read_text().splitlines()]
    return [
        Attempt(line["due"], line["answered"], line["said"], line["conduct"] == "slow")
        for line in lines
        if not line["hostile"]
    ]


def measure(attempts: list[Attempt], faults: list[Done], begun: float, seconds: float) -> Measured:
    """Times of faults are since 1970, `begun` is when the attempts' begin."""
    windows = [
        (done.begun - begun, done.ended - begun + AFTERMATH, done.fault.kind) for done in faults
    ]
    good = [each for each in attempts if each.acknowledged]
    calm = [
        each.answered - each.due
        for each in good
        if not each.slow
        and not any(begin <= each.answered and each.due <= end for begin, end, _ in windows)
    ]
    return Measured(
        calm=percentiles(calm),
        calm_share=len(calm) / max(1, len(good)),
        gap=_longest_gap(good, windows, seconds),
        seconds=_by_second(attempts),
        kinds=_by_kind(good, faults, begun, seconds),
    )


def _by_kind(
    good: list[Attempt], faults: list[Done], begun: float, seconds: float
) -> dict[str, Interruption]:
    """The longest interruption of each kind of fault, of those that it made alone if there are."""
    moments = sorted(each.answered for each in good if each.answered <= seconds)
    windows = [(done.begun - begun, done.ended - begun, done.fault.kind) for done in faults]
    longest: dict[str, Interruption] = {}
    for begin, end in pairwise(moments):
        during = {kind for at, until, kind in windows if at <= end and begin <= until + _ALONE}
        found = Interruption(round(end - begin, 2), len(during) == 1)
        for kind in during:
            longest[kind] = max(longest.get(kind, found), found, key=lambda one: one[::-1])
    return longest


def _longest_gap(
    good: list[Attempt], windows: list[tuple[float, float, str]], seconds: float
) -> Gap:
    moments = sorted(each.answered for each in good)
    moments = [0.0, *(moment for moment in moments if moment <= seconds), seconds]
    begin, end = max(pairwise(moments), key=lambda two: two[1] - two[0])
    during = [kind for at, until, kind in windows if at <= end and begin <= until]
    return Gap(round(begin, 1), round(end - begin, 2), during)


def _by_second(attempts: list[Attempt]) -> list[Second]:
    acknowledged: Counter[int] = Counter()
    refused: Counter[int] = Counter()
    took: dict[int, list[float]] = {}
    for each in attempts:
        second = int(each.answered)
        (acknowledged if each.acknowledged else refused)[second] += 1
        if each.acknowledged and not each.slow:
            took.setdefault(second, []).append(each.answered - each.due)
    last = max([*acknowledged, *refused], default=0)
    return [
        Second(acknowledged[n], refused[n], percentiles(took.get(n, []))["p99"])
        for n in range(last + 1)
    ]
