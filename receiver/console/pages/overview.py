"""The first page: does the ledger balance, is anything wrong, how it went, who has gone silent."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from receiver.config.settings import Settings
from receiver.console import charts, render
from receiver.console.app import Page, web_of
from receiver.console.charts import Charts
from receiver.console.pages.sinks import trouble_first
from receiver.doctor import parking, polls, subscriptions
from receiver.doctor.environment import demo_token
from receiver.doctor.finding import Finding, Severity, worst_first
from receiver.doctor.key_types import check_key_types, check_sink_keys
from receiver.doctor.workload import check_workload
from receiver.metrics import snapshot
from receiver.metrics.counters import OTHER
from receiver.metrics.snapshot import Snapshot
from receiver.operations import history, sink_ledger
from receiver.operations.sink_ledger import SinkLedger
from receiver.runtime.redis_errors import DOWN, in_words, unless_foreign

FRESH: Final = 1.0
"""Seconds for which one reading of Redis serves every viewer."""
CHARTS_FRESH: Final = 15.0
"""The same for the history, which has a sample for each minute."""
PARTS: Final = ("books", "work")
"""Those of the page that ask for themselves again every other second."""
MOST: Final = 10
"""Rows of one list on the first page; another page has all."""


class Group(msgspec.Struct, frozen=True):
    """Findings that say the same of several things: why and the fix stand there once."""

    severity: Severity
    why: str
    fix: str
    found: list[Finding]


class Overview(msgspec.Struct, frozen=True):
    """One reading of all that the first page shows."""

    at: int
    """Milliseconds since 1970."""
    found: Snapshot
    sinks: list[SinkLedger] | None
    """None while one of their keys has another type."""
    findings: list[Finding]
    """Those of `receiver doctor` that concern the work; it alone examines the machine and Redis."""


def show(request: Request) -> Response:
    """Show the overview; while Redis is gone, the last one that there was, greyed. With `part` one
    of `PARTS` alone.
    """
    last, gone = _newest(request)
    settings: Settings = request.app.state.settings
    names = silent_first({one.name for one in settings.listeners}, last.found.heard)
    values: dict[str, Any] = {
        "seen": last,
        "gone": gone,
        "groups": _groups(last.findings),
        "most": MOST,
        "sinks": None if last.sinks is None else sorted(last.sinks, key=trouble_first),
        "configured": [one.name for one in settings.sinks],
        "listeners": names,
        "together": OTHER in last.found.heard,
        "credentials": _credentials(last.found),
        "base": settings.public_url or web_of(request.app.state),
        "ending": "" if names[0][0] == "default" else f"/{names[0][0]}",
    }
    part = request.query_params.get("part", "")
    if part in PARTS:
        return render.page(request, f"overview_{part}.html", values)
    values |= {"drawn": _charts(request, last.at), "windows": charts.WINDOWS}
    return render.page(request, "overview.html", values)


def show_charts(request: Request) -> Response:
    """Show the charts alone; with `as=table` what they show as a table."""
    drawn = _charts(request, int(time.time() * 1000))
    template = "charts_table.html" if request.query_params.get("as") == "table" else "charts.html"
    return render.page(request, template, {"drawn": drawn})


def _newest(request: Request) -> tuple[Overview, str]:
    """Return the newest reading, and why there is none of now. Raises as `_read` without one."""
    state = request.app.state
    last: Overview | None = state.overview
    if last and 0 <= time.time() * 1000 - last.at < FRESH * 1000:  # a clock may jump back
        return last, ""
    try:
        state.overview = last = _read(request)
    except DOWN as error:
        if last is None:
            raise
        return last, in_words(error)
    return last, ""


def _charts(request: Request, now: int) -> Charts:
    """Return the charts of the hours that are asked for; while Redis is gone, the last ones."""
    state = request.app.state
    asked = request.query_params.get("hours", "")
    hours = int(asked) if asked in {str(one) for one in charts.WINDOWS} else charts.DEFAULT
    known: dict[int, tuple[int, Charts]] = state.charts
    at, drawn = known.get(hours, (0, None))
    if drawn and 0 <= now - at < CHARTS_FRESH * 1000:
        return drawn
    try:
        samples = history.read(state.redis, charts.starts_at(hours, now))
    except DOWN:
        return drawn or charts.charts([], hours, now)
    known[hours] = now, charts.charts(samples, hours, now)
    return known[hours][1]


def _read(request: Request) -> Overview:
    client: Any = request.app.state.redis
    settings: Settings = request.app.state.settings
    found = snapshot.of_settings(client, settings)
    of_keys = [*check_key_types(client), *check_sink_keys(client, settings)]
    findings = worst_first([*of_keys, *_wrong(settings, found)])
    sinks = unless_foreign(lambda: sink_ledger.read(client), None)
    return Overview(int(time.time() * 1000), found, sinks, findings)


def _wrong(settings: Settings, found: Snapshot) -> Iterator[Finding]:
    """Yield what is wrong with the work. The variables of other processes are none of it: this one
    may have others.
    """
    demo = demo_token(settings)
    tokens = ["set"] * len(settings.bearer_digests) + [demo] * bool(demo)
    yield from check_workload(settings, found, tokens, demo)
    yield from polls.stored_consents(settings, found)
    yield from polls.how_they_stand(settings, found.polls, found.now)
    yield from subscriptions.how_they_stand(settings, found)
    yield from parking.parked(settings, found)


def _groups(findings: list[Finding]) -> list[Group]:
    """Return findings in groups of one reason and fix each, each group where its first stood."""
    groups: dict[tuple[Severity, str, str], list[Finding]] = {}
    for one in findings:
        groups.setdefault((one.severity, one.why, one.fix), []).append(one)
    return [Group(*about, found) for about, found in groups.items()]


def silent_first(configured: set[str], heard: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return each listener and when it was last heard (ms), 0 for never; the silent ones first."""
    names = configured or set(heard) or {"default"}
    return sorted(((name, heard.get(name, 0)) for name in names), key=lambda one: (one[1], one[0]))


def _credentials(found: Snapshot) -> list[tuple[str, str, float]]:
    """Return id, label and days left of each credential that ends, the first to end first."""
    known = [(one.id, one.credential) for one in found.credentials if one.credential]
    ends = [
        (name, one.label or "unnamed", (one.expires - found.now) / 86_400)
        for name, one in known
        if one.expires
    ]
    return sorted(ends, key=lambda one: one[2])


ROUTES: Final = [Page("/", show, "viewer"), Page("/charts", show_charts, "viewer")]
