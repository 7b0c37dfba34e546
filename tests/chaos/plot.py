"""Rate, latency and faults over time, as SVG, drawn by hand."""

import math
from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape

from tests.chaos.faults import Done
from tests.chaos.measure import Second

_WIDTH, _LEFT, _RIGHT = 1100, 90, 40
_RATE, _LATENCY = (50, 220), (260, 430)
"""Top and bottom of the two panels; the faults are below, a row for each target."""
_ROWS_AT, _ROW = 460, 18
_TARGETS = (
    *("everything", "valkey", "web-0", "web-1", "worker-0", "worker-1", "poll", "console"),
    *("web-line", "worker-line", "front"),
)
_GREEN, _RED, _BLUE, _GREY = "#2f9e7e", "#d13b4f", "#4269d0", "#e2e2e2"


def draw(path: Path, title: str, seconds: list[Second], faults: list[Done], begun: float) -> None:
    """Write the picture of one run."""
    length = max(len(seconds), 1)
    height = _ROWS_AT + _ROW * len(_TARGETS) + 40
    spans = [(done, done.begun - begun, done.ended - begun) for done in faults]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        'font-family="sans-serif" font-size="12" fill="#222">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        _text(_LEFT, 24, title, 'font-size="15" font-weight="bold"'),
        *(_shade(begin, end, length) for _, begin, end in spans),
        *_time_axis(length, height),
        *_rate(seconds, length),
        *_latency(seconds, length),
        *_rows(spans, length),
        "</svg>\n",
    ]
    path.write_text("\n".join(parts), "utf-8")


def _x(second: float, length: int) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * min(max(second, 0.0), length) / length


def _shade(begin: float, end: float, length: int) -> str:
    left, right = _x(begin, length), _x(end, length)
    bottom = _ROWS_AT + _ROW * len(_TARGETS)
    return (
        f'<rect x="{left:.1f}" y="{_RATE[0]}" width="{max(1.0, right - left):.1f}" '
        f'height="{bottom - _RATE[0]}" fill="#d97706" opacity="0.12"/>'
    )


def _time_axis(length: int, height: int) -> Iterable[str]:
    step = next(step for step in (5, 10, 30, 60, 300, 3600) if length / step <= 12)
    for second in range(0, length + 1, step):
        at = _x(second, length)
        yield f'<path d="M{at:.1f} {_RATE[0]}V{height - 40}" stroke="{_GREY}"/>'
        yield _text(at, height - 22, f"{second} s", 'text-anchor="middle"')


def _rate(seconds: list[Second], length: int) -> Iterable[str]:
    top, bottom = _RATE
    most = max([max(each.acknowledged, each.refused) for each in seconds], default=0) or 1
    yield _text(_LEFT, top - 8, "answers per second: acknowledged", f'fill="{_GREEN}"')
    yield _text(_LEFT + 240, top - 8, "refused or none", f'fill="{_RED}"')
    yield _text(_LEFT - 8, top + 10, f"{most:,}", 'text-anchor="end"')
    yield _text(_LEFT - 8, bottom, "0", 'text-anchor="end"')
    for values, colour in (
        ([each.acknowledged for each in seconds], _GREEN),
        ([each.refused for each in seconds], _RED),
    ):
        points = [
            (_x(n + 0.5, length), bottom - (bottom - top) * value / most)
            for n, value in enumerate(values)
        ]
        yield _line(points, colour)


def _latency(seconds: list[Second], length: int) -> Iterable[str]:
    """On a scale of powers of ten; a gap where nothing was acknowledged."""
    top, bottom = _LATENCY
    yield _text(_LEFT, top - 8, "acknowledgement p99, ms", f'fill="{_BLUE}"')
    for line in range(6):
        at = bottom - (bottom - top) * line / 5
        yield f'<path d="M{_LEFT} {at:.1f}H{_WIDTH - _RIGHT}" stroke="{_GREY}"/>'
        yield _text(_LEFT - 8, at + 4, f"{10**line:,}", 'text-anchor="end"')
    points: list[tuple[float, float]] = []
    for n, each in enumerate([*seconds, Second(0, 0, None)]):
        if each.p99 is None:
            yield _line(points, _BLUE)
            points = []
            continue
        power = min(5.0, max(0.0, math.log10(max(each.p99, 1.0))))
        points.append((_x(n + 0.5, length), bottom - (bottom - top) * power / 5))


def _rows(spans: list[tuple[Done, float, float]], length: int) -> Iterable[str]:
    for number, target in enumerate(_TARGETS):
        y = _ROWS_AT + _ROW * number
        yield _text(_LEFT - 8, y + 13, target, 'text-anchor="end"')
        yield f'<path d="M{_LEFT} {y + _ROW}H{_WIDTH - _RIGHT}" stroke="{_GREY}"/>'
    for done, begin, end in spans:
        target = done.fault.target.partition("-")[0]
        y = _ROWS_AT + _ROW * _TARGETS.index(done.fault.target)
        left, right = _x(begin, length), _x(end, length)
        yield (
            f'<rect x="{left:.1f}" y="{y + 3}" width="{max(3.0, right - left):.1f}" '
            f'height="{_ROW - 6}" fill="{_RED}"><title>{escape(done.fault.kind)} at '
            f"{begin:.1f} s, {end - begin:.1f} s</title></rect>"
        )
        beside = max(left + 3, right) + 2
        yield _text(beside, y + 12, done.fault.kind.removesuffix("-" + target), 'font-size="9"')


def _line(points: list[tuple[float, float]], colour: str) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def _text(x: float, y: float, words: str, more: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(words)}</text>'
