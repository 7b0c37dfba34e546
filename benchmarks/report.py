"""The raw figures as `RESULTS.md` and charts. What was not measured is said to be missing."""

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import ack, contenders, drain, goals, latency, startup
from benchmarks.plots import Axis, Chart, draw
from benchmarks.rounds import table

Raw = dict[str, Any]

NAMES = {each.letter: f"({each.letter}) {each.name}" for each in contenders.ALL}


def render(raw: Raw, directory: Path) -> None:
    """Write `RESULTS.md` and, beside the raw figures, its charts."""
    measured = f"Measured on {raw['machine']['date']} on this machine:"
    sections = [_HEAD, measured, raw["machine"]["report"], goals.table_of(raw)]
    for part, title, words, section in _SECTIONS:
        if part in raw:
            sections += [f"## {title}", words, section(raw[part])]
    if charts := _charts(raw, directory):
        sections += ["## Charts", *charts]
    (directory / "RESULTS.md").write_text("\n\n".join(sections) + "\n", "utf-8")


_HEAD = """# Results

Written by `make bench`; measured on one machine, load generator, Valkey and contender together.
Every contender has a fresh Valkey with the same flags (`appendonly yes`, `appendfsync always`
unless its name says otherwise, `noeviction`). Contenders run in turn, every other round in the
opposite order; figures are the median of the rounds and, in brackets, the least and the greatest.
Ratios are taken within a round. What other work disturbed is measured again."""


def _lone_section(part: Any) -> str:
    busy = part["with worker"]
    return latency.report_lone(part["rounds"]) + (
        f"\n\nWith the workers normalising each at once: p50 {busy['p50']:.2f} ms, "
        f"p99 {busy['p99']:.2f} ms."
    )


def _sizing(part: Any) -> str:
    """Memory for identities and waiting work, from the dearest bytes per identity measured."""
    each = statistics.median(run["bytes"] for run in part)
    rows = [
        [f"{rate:,}", f"{rate * 73 * 3600:,}", f"{rate * 73 * 3600 * each / 1e6:,.0f} MB"]
        for rate in (1, 10, 100, 1000)
    ]
    return table(["per second", "identities in 73 h", "Valkey's memory"], rows)


def _sustained_section(part: Any) -> str:
    rows = [
        [
            f"{run['offered']:,.0f}",
            f"{run['rate']:,.0f}",
            f"{run['non_2xx'] + run['broken'] + run['unanswered']:.0f}",
            f"{run['p50']:.2f}",
            f"{run['p99']:.2f}",
            f"{run['oldest_p50']:.3f}",
            f"{run['oldest_max']:.3f}",
        ]
        for run in part
    ]
    head = ["offered/s", "answered/s", "bad", "p50 ms", "p99 ms", "oldest open p50 s", "max s"]
    return table(head, rows)


_SECTIONS: list[tuple[str, str, str, Callable[[Any], str]]] = [
    (
        "ack",
        "Acknowledged per second",
        "Closed loop, 64 connections, one web process, a body of 600 bytes, every one distinct. "
        "(a) and (d) check nothing; all others authenticate and parse. `not kept`: acknowledged "
        "and not found in Valkey afterwards.",
        ack.report,
    ),
    (
        "half",
        "Latency at half of that rate",
        "Open loop at half of what (e) acknowledges above; latency counts from the moment a "
        "request was due.",
        latency.report_half,
    ),
    ("lone", "A lone notification", "One every 50 ms on one connection.", _lone_section),
    (
        "offered",
        "Latency against offered rate",
        "Open loop, 64 connections.",
        latency.report_offered,
    ),
    (
        "drain",
        "Emptying a backlog",
        "One worker. Ours normalises, deduplicates and publishes mixed kinds; the peers' jobs do "
        "nothing. (b) is `rq worker` as it comes, with fewer jobs; (c) has 50 at a time.",
        drain.report,
    ),
    (
        "sustained",
        "Door and worker together",
        "60 s on this machine's cores, beside Valkey and the load generator.",
        _sustained_section,
    ),
    ("identities", "Memory for remembered identities", "Sizing for 73 hours.", _sizing),
    (
        "startup",
        "Starting",
        "From starting the web process, beside a Valkey that is there, to its first 2xx.",
        startup.report,
    ),
]


def _charts(raw: Raw, directory: Path) -> list[str]:
    shown_charts = []
    for name, chart, lines in _drawn(raw):
        if any(lines.values()):
            draw(chart, lines, directory / "results" / f"{name}.svg")
            shown_charts.append(f"![{chart.title}](results/{name}.svg)")
    return shown_charts


def _drawn(raw: Raw) -> list[tuple[str, Chart, dict[str, list[tuple[float, float]]]]]:
    by_connections = {
        NAMES[letter]: [(x, y) for x, y in line]
        for letter, line in raw.get("connections", {}).items()
    }
    by_rate = {
        NAMES[letter]: [(run["offered"], run["p99"]) for run in line if run["p99"] < 1000]
        for letter, line in raw.get("offered", {}).items()
    }
    drained = [(run["backlog"], run["rate"]) for run in raw.get("backlogs", [])]
    samples = raw.get("resident", [])
    memory = {who: [(run["outcomes"], run[who]) for run in samples] for who in ("web", "worker")}
    return [
        (
            "connections",
            Chart("Acknowledged by connections", Axis("connections", log=True), Axis("per second")),
            by_connections,
        ),
        (
            "offered",
            Chart("p99 against offered rate", Axis("offered per second"), Axis("ms", log=True)),
            by_rate,
        ),
        (
            "backlogs",
            Chart("Drained by one worker", Axis("backlog", log=True), Axis("per second")),
            {"(e) ours": drained},
        ),
        (
            "resident",
            Chart("Resident memory", Axis("notifications"), Axis("MB")),
            memory,
        ),
    ]
