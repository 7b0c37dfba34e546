"""The overview's charts: the samples of the last hours as lines in SVG, and as a table."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from receiver.console import render
from receiver.metrics.counters import BOUNDS, PUBLISHED
from receiver.operations.history import MINUTE, Span, Stored, percentile, spans

WINDOWS: Final = {1: 1, 6: 5, 48: 30}
"""Hours that are shown -> minutes of one point."""
DEFAULT: Final = 6
HEIGHT: Final = 100
NONE: Final = "-"
_ROWS: Final = 12
"""Of the table; each is the time of several points."""


class Point(msgspec.Struct, frozen=True):
    """One point of a chart, with what is said of it."""

    x: int
    said: str


class Chart(msgspec.Struct, frozen=True):
    """One chart, drawn in a box of `width` by `HEIGHT`."""

    title: str
    latest: str
    """The newest value, in words."""
    top: str
    """What the upper edge stands for; empty where there is no value."""
    summary: str
    """The whole of it in a sentence."""
    line: str
    area: str
    """Path data of SVG."""
    points: list[Point]
    width: int
    is_bad: bool = False


class Row(msgspec.Struct, frozen=True):
    """One row of the table: a time of day, and of each chart the greatest value from then on."""

    at: str
    values: list[str]


class Charts(msgspec.Struct, frozen=True):
    """All charts of a window, and what they show as a table."""

    hours: int
    charts: list[Chart]
    ticks: list[str]
    """Times of day along the lower edge."""
    rows: list[Row]
    has_points: bool


class _Kind(msgspec.Struct, frozen=True):
    title: str
    value: Callable[[Span], float | None]
    words: Callable[[float], str]
    is_failure: bool = False


def _published(span: Span) -> float | None:
    return percentile(span.published, BOUNDS[PUBLISHED], 0.95) if span.published else None


def number(value: float) -> str:
    """Return a number as people read it: below ten with a decimal, where it has one."""
    return f"{value:.1f}" if 0 < value < 10 and round(value, 1) % 1 else render.count(round(value))


def seconds(value: float) -> str:
    """Return a length of time, in milliseconds below a second."""
    if value < 1:
        return f"{number(1000 * value)} ms"
    return f"{number(value)} s" if value < 60 else render.span(value)


KINDS: Final = (
    _Kind("Notifications a minute", lambda span: span.accepted, number),
    _Kind("Receipt to event, 95 %", _published, seconds),
    _Kind("Waiting", lambda span: span.waiting, number),
    _Kind("Failures a minute", lambda span: span.failed, number, is_failure=True),
)


def charts(samples: Sequence[Stored], hours: int, now: int) -> Charts:
    """Return the charts of the last hours before `now` (ms since 1970); `hours` is of `WINDOWS`."""
    length = WINDOWS[hours] * MINUTE
    count = hours * 60 * MINUTE // length
    first = now - now % length - (count - 1) * length
    found = spans(samples, first, length, count)
    ends = [first + part * count * length // 4 for part in range(5)]
    return Charts(
        hours,
        [_chart(kind, found, hours) for kind in KINDS],
        [_clock(at) for at in ends],
        _rows(found),
        any(span.accepted is not None for span in found),
    )


def starts_at(hours: int, now: int) -> int:
    """Return from when on (ms) samples are wanted: one point more than is shown."""
    return now - (hours * 60 + 2 * WINDOWS[hours]) * MINUTE


def _chart(kind: _Kind, found: list[Span], hours: int) -> Chart:
    values = [kind.value(span) for span in found]
    known = [value for value in values if value is not None]
    most = max(known, default=0.0)
    top = _ceiling(most)
    runs = _runs(values, top)
    latest = kind.words(known[-1]) if known else NONE
    return Chart(
        title=kind.title,
        latest=latest,
        top=kind.words(top) if known else "",
        summary=f"{kind.title}, the last {hours} h: {_said(kind, known)}",
        line="".join(_line(run) for run in runs),
        area="".join(f"{_line(run)}V{HEIGHT}H{run[0][0]:g}Z" for run in runs),
        points=[
            Point(x, f"{_clock(found[x].start)} · {kind.words(value)}")
            for x, value in enumerate(values)
            if value is not None
        ],
        width=len(found),
        is_bad=kind.is_failure and most > 0,
    )


def _said(kind: _Kind, known: list[float]) -> str:
    if not known:
        return "no sample yet"
    least, most, latest = (kind.words(one) for one in (min(known), max(known), known[-1]))
    return f"{latest} now, {least} at least, {most} at most"


def _runs(values: Sequence[float | None], top: float) -> list[list[tuple[float, float]]]:
    """Return the coordinates of each run of values without a gap."""
    runs: list[list[tuple[float, float]]] = []
    for x, value in enumerate(values):
        if value is None:
            continue
        if x == 0 or values[x - 1] is None:
            runs.append([])
        runs[-1].append((x + 0.5, HEIGHT - (HEIGHT - 4) * value / top))
    return [run if len(run) > 1 else _broad(*run[0]) for run in runs]


def _broad(x: float, y: float) -> list[tuple[float, float]]:
    """Return a value between two gaps as a line, for a point alone is not seen."""
    return [(x - 0.5, y), (x + 0.5, y)]


def _line(run: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:.1f}" for x, y in run)


def _ceiling(most: float) -> float:
    """Return the least of 1, 2, 5 times a power of ten that is not below a value; 1 for none."""
    if most <= 0:
        return 1.0
    power = 1e-3
    while power * 10 < most:
        power *= 10
    return next(step * power for step in (1, 2, 5, 10) if step * power >= most)


def _rows(found: list[Span]) -> list[Row]:
    """Return the rows of the table beside a chart, the newest first."""
    together = len(found) // _ROWS
    parts = [found[at : at + together] for at in range(0, len(found), together)]
    return [
        Row(_clock(part[0].start), [_most(kind, part) for kind in KINDS]) for part in parts[::-1]
    ]


def _most(kind: _Kind, part: list[Span]) -> str:
    values = [value for value in map(kind.value, part) if value is not None]
    return kind.words(max(values)) if values else NONE


def _clock(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%H:%M")
