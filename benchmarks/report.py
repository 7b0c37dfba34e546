"""The raw figures as `RESULTS.md` and charts. What was not measured is said to be missing."""

from pathlib import Path
from typing import Any

from benchmarks import contenders, goals, record
from benchmarks.plots import Axis, Chart, draw
from benchmarks.sections import SECTIONS

Raw = dict[str, Any]

NAMES = {each.letter: each.title for each in contenders.ALL}


def render(parts: dict[str, Any], directory: Path) -> None:
    """Write `RESULTS.md` and, beside the raw figures, its charts."""
    raw = {name: part["figures"] for name, part in parts.items()}
    sections = [_HEAD]
    if "machine" in raw:
        sections += ["The machine:", raw["machine"]["report"]]
    sections.append(goals.table_of(raw))
    for part, title, words, section in SECTIONS:
        if part in raw:
            sections += [f"## {title}", words, section(raw[part]), record.said(parts[part])]
    if charts := _charts(raw, directory):
        sections += ["## Charts", *charts]
    (directory / "RESULTS.md").write_text("\n\n".join(sections) + "\n", "utf-8")


_HEAD = """# Results

Written by `make bench`; measured on one machine, load generator, Valkey and contender together.
Every contender has a fresh Valkey with the settings of `deploy/valkey.conf` (`appendfsync always`
unless its name says otherwise). Contenders run in turn, every other round in the
opposite order; figures are the median of the rounds and, in brackets, the least and the greatest.
Ratios are taken within a round. What other work disturbed is measured again.

Parts of different days are of machines of the same kind, but not of the same speed: rates compare
within a part only, ratios between parts too."""


_CHARTS = {
    "connections": Chart(
        "Acknowledged by connections", Axis("connections", log=True), Axis("per second")
    ),
    "offered": Chart("p99 against offered rate", Axis("offered per second"), Axis("ms", log=True)),
    "backlogs": Chart("Drained by one worker", Axis("backlog", log=True), Axis("per second")),
    "resident": Chart("Resident memory", Axis("notifications"), Axis("MB")),
}


def _charts(raw: Raw, directory: Path) -> list[str]:
    shown_charts = []
    for name, lines in _lines(raw).items():
        if any(lines.values()):
            draw(_CHARTS[name], lines, directory / "results" / f"{name}.svg")
            shown_charts.append(f"![{_CHARTS[name].title}](results/{name}.svg)")
    return shown_charts


def _lines(raw: Raw) -> dict[str, dict[str, list[tuple[float, float]]]]:
    by_connections = {
        NAMES[letter]: [(x, y) for x, y in line]
        for letter, line in raw.get("connections", {}).items()
    }
    by_rate = {
        NAMES[letter]: [(run["offered"], run["p99"]) for run in line if run["p99"] < 1000]
        for letter, line in raw.get("offered", {}).items()
    }
    drained = {
        NAMES[letter]: [(run["backlog"], run["rate"]) for run in line]
        for letter, line in raw.get("backlogs", {}).items()
    }
    samples = raw.get("resident", [])
    memory = {who: [(run["outcomes"], run[who]) for run in samples] for who in ("web", "worker")}
    return {
        "connections": by_connections,
        "offered": by_rate,
        "backlogs": drained,
        "resident": memory,
    }
