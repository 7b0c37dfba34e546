"""Line charts as SVG, drawn by hand: a benchmark needs no plotting library to be read."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 80, 230, 60, 56
COLOURS = ("#4269d0", "#d97706", "#d13b4f", "#2f9e7e", "#3f7d2f", "#8a5fbf", "#805440")

Line = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Axis:
    """One axis: what it says, and whether it grows by factors."""

    label: str
    log: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart's words; `draw` adds the lines."""

    title: str
    x: Axis
    y: Axis


def draw(chart: Chart, lines: Mapping[str, Line], path: Path) -> None:
    """Write one chart. Lines without points are left out."""
    lines = {name: [*points] for name, points in lines.items() if points}
    xs = _Scale(chart.x, [x for line in lines.values() for x, _ in line], LEFT, WIDTH - RIGHT)
    ys = _Scale(chart.y, [y for line in lines.values() for _, y in line], HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12" fill="#222">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        _text(LEFT, 24, chart.title, 'font-size="15" font-weight="bold"'),
        *_grid(xs, ys),
    ]
    for (name, line), colour, row in zip(lines.items(), COLOURS, range(len(lines)), strict=False):
        points = " ".join(f"{xs.at(x):.1f},{ys.at(y):.1f}" for x, y in line)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        parts += [
            f'<circle cx="{xs.at(x):.1f}" cy="{ys.at(y):.1f}" r="3" fill="{colour}"/>'
            for x, y in (line if len(line) < 30 else ())
        ]
        parts.append(_text(WIDTH - RIGHT + 14, TOP + 14 + 20 * row, name, f'fill="{colour}"'))
    path.write_text("\n".join([*parts, "</svg>\n"]), "utf-8")


class _Scale:
    """From values to pixels along one axis."""

    def __init__(self, axis: Axis, values: Sequence[float], begin: float, end: float) -> None:
        self.axis = axis
        self._begin, self._end = begin, end
        self.ticks = _decades(values) if axis.log else _steps(max(values))
        self._low, self._high = self._place(self.ticks[0]), self._place(self.ticks[-1])

    def at(self, value: float) -> float:
        """The pixel of a value."""
        share = (self._place(value) - self._low) / (self._high - self._low)
        return self._begin + share * (self._end - self._begin)

    def _place(self, value: float) -> float:
        return math.log10(value) if self.axis.log else value


def _steps(greatest: float) -> list[float]:
    """Zero and about five round steps up to the greatest value."""
    rough = max(greatest, 1e-9) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
    return [step * number for number in range(math.ceil(greatest / step) + 1)]


def _decades(values: Sequence[float]) -> list[float]:
    low = math.floor(math.log10(min(values)))
    high = max(low + 1, math.ceil(math.log10(max(values))))
    return [10.0**power for power in range(low, high + 1)]


def _grid(xs: _Scale, ys: _Scale) -> list[str]:
    parts = []
    for tick in ys.ticks:
        y = ys.at(tick)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#e2e2e2"/>')
        parts.append(_text(LEFT - 8, y + 4, f"{tick:,g}", 'text-anchor="end"'))
    for tick in xs.ticks:
        x = xs.at(tick)
        parts.append(f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#f0f0f0"/>')
        parts.append(_text(x, HEIGHT - BOTTOM + 18, f"{tick:,g}", 'text-anchor="middle"'))
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(_text(middle, HEIGHT - 14, xs.axis.label, 'text-anchor="middle"'))
    parts.append(_text(LEFT - 66, TOP - 16, ys.axis.label, 'fill="#555"'))
    return parts


def _text(x: float, y: float, words: str, more: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(words)}</text>'
