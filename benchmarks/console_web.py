"""What the web process notices of a console with viewers beside it: in turns with and without."""

import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from benchmarks import load
from benchmarks.console_process import Console
from benchmarks.console_viewers import Viewers
from benchmarks.processes import beside
from benchmarks.rounds import shown

VIEWERS: Final = 10
RATE: Final = 500
Result = dict[str, Any]


def turns(found: Console, target: load.Target, rounds: int, seconds: float) -> Result:
    """Measure the web process under load, with viewers before the console and without, in turns."""
    alone: list[load.Result] = []
    beside: list[load.Result] = []
    rows, cpu = [], 0.0
    for number in range(2 * rounds):
        own = replace(target, first=10_000 * number)
        if number % 4 in (0, 3):
            alone.append(load.opened(own, RATE, 16, seconds))
            continue
        viewers, before = Viewers(found.port, found.cookie(), VIEWERS, seconds + 2), found.cpu()
        beside.append(load.opened(own, RATE, 16, seconds))
        rows.append(min(viewers.rows()) / seconds)
        cpu += (found.cpu() - before) / 1e3
    ratios = [two["p99"] / one["p99"] for one, two in zip(alone, beside, strict=True)]
    return {
        "web alone": _web(alone),
        "web beside ten viewers": _web(beside),
        "p99 beside / alone": shown(ratios, 2),
        "rows per viewer and second": round(statistics.median(rows)),
        "processors that the console takes meanwhile": round(cpu / (rounds * seconds), 2),
    }


@contextmanager
def loading(target: load.Target) -> Iterator[None]:
    """Send notifications during the block."""

    def send(ended: threading.Event) -> None:
        number = 1_000_000
        while not ended.is_set():
            load.opened(replace(target, first=number), RATE, 16, 5)
            number += 5 * RATE

    with beside(send):
        yield


def _web(each: list[load.Result]) -> Result:
    return {point: shown([one[point] for one in each], 2) for point in ("p50", "p99")} | {
        "refused": sum(one["non_2xx"] + one["broken"] + one["unanswered"] for one in each)
    }
