"""Line charts as SVG, by matplotlib: the same figures make the same file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from matplotlib import pyplot, ticker

matplotlib.use("svg")
matplotlib.rcParams |= {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "benchmarks",
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
}

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
    figure, axes = pyplot.subplots(figsize=(8.5, 4.4), layout="constrained")
    for name, line in lines.items():
        if line:
            axes.plot(*zip(*line, strict=True), label=name, marker="." if len(line) < 30 else "")
    axes.set(title=chart.title, xlabel=chart.x.label, ylabel=chart.y.label)
    axes.set_xscale("log" if chart.x.log else "linear")
    axes.set_yscale("log" if chart.y.log else "linear")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(ticker.FuncFormatter(_plain))
        if axis.get_scale() == "log":
            axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
            axis.set_minor_locator(ticker.NullLocator())
    if not chart.y.log:
        axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)


def _plain(value: float, _: object) -> str:
    """Write a number as `1,000,000` or `0.5`, never as `1e+06`."""
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"
