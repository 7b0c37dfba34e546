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


class Measured(NamedTuple):
    """What a run is judged and reported by."""

    calm: dict[str, float | None]
    """Latency of what was due and acknowledged outside fault windows."""
    calm_share: float
    gap: Gap
    seconds: list[Second]


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
    )


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
