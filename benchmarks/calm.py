"""A measurement during which the machine did other work is taken again (Linux only).

Other work is all processor time that neither the benchmark nor what it started has used. The
kernel's own threads count as such: writing an append-only file takes a few per cent of them.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

Result = dict[str, float]

TOLERATED = 0.12
"""Share of the processors that other work may take."""
TRIES = 3
PATIENCE = 20.0
"""Seconds to wait for a quiet moment before each try."""
BUDGET = 300.0
"""Seconds that a whole run may wait and measure again: on a busy machine it ends all the same."""
_spent = 0.0
_TICK = os.sysconf("SC_CLK_TCK")


class _Clock(NamedTuple):
    wall: float
    busy: float
    ours: float


def calm(measure: Callable[[], Result]) -> Result:
    """Return the first measurement that was not disturbed, else the least disturbed of several.

    It says under `foreign` what share of the processors other work took.
    """
    if not Path("/proc/stat").exists():
        return measure()
    taken: list[Result] = []
    while not taken or _once_more(taken):
        _wait()
        before = _now()
        result = measure()
        if taken:
            _spend(time.monotonic() - before.wall)
        if "foreign" in result:  # it looked after itself
            return result
        taken.append(result | {"foreign": _share(before, _now())})
    return min(taken, key=lambda each: each["foreign"])


def _once_more(taken: list[Result]) -> bool:
    disturbed = taken[-1]["foreign"] >= TOLERATED
    return disturbed and len(taken) < TRIES and _spent < BUDGET


def foreign(seconds: float) -> float:
    """Return the share that other work takes in the next so many seconds."""
    before = _now()
    time.sleep(seconds)
    return _share(before, _now())


def _wait() -> None:
    begin = time.monotonic()
    patience = min(PATIENCE, BUDGET - _spent)
    while foreign(1) > TOLERATED and time.monotonic() < begin + patience:
        pass
    _spend(time.monotonic() - begin - 1)


def _spend(seconds: float) -> None:
    global _spent
    _spent += seconds


def _share(before: _Clock, after: _Clock) -> float:
    other = (after.busy - before.busy) - (after.ours - before.ours)
    return max(0.0, other) / ((after.wall - before.wall) * (os.cpu_count() or 1))


def _now() -> _Clock:
    ticks = [int(each) for each in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = ticks[3] + ticks[4]  # the second is waiting for a disk
    return _Clock(time.monotonic(), (sum(ticks) - idle) / _TICK, _ours())


def _ours() -> float:
    """Return the processor seconds of this process and of all that descend from it, also of those
    that ended.
    """
    parents, spent = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        # Fields 4 and 14 to 17 of the line: parent, own and waited-for children's times.
        number = int(stat.parent.name)
        parents[number] = int(fields[1])
        spent[number] = sum(int(each) for each in fields[11:15]) / _TICK
    return sum(used for number, used in spent.items() if _descends(number, parents))


def _descends(number: int, parents: dict[int, int]) -> bool:
    while number in parents and number != os.getpid():
        number = parents[number]
    return number == os.getpid()
