"""The first page: do the books balance, is anything wrong, who has gone silent."""

import time
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from receiver.config.settings import Settings
from receiver.console import render
from receiver.console.app import Page
from receiver.doctor.environment import demo_token
from receiver.doctor.finding import Finding
from receiver.doctor.workload import check_workload
from receiver.metrics import snapshot
from receiver.metrics.snapshot import Snapshot
from receiver.operations import sink_ledger
from receiver.operations.sink_ledger import SinkLedger
from receiver.runtime.redis_client import DOWN

FRESH: Final = 1.0
"""Seconds for which one reading of Redis serves every viewer."""
_ORDER: Final = ("serious", "warning", "note")


class Overview(msgspec.Struct, frozen=True):
    """One reading of all that the first page shows."""

    at: int
    """Milliseconds since 1970."""
    found: Snapshot
    sinks: list[SinkLedger]
    findings: list[Finding]
    """Those of `receiver doctor` that concern the work; it alone examines the machine and Redis."""


def show(request: Request) -> Response:
    """Show the overview; while Redis is gone, the last one that there was, greyed."""
    last: Overview | None = getattr(request.app.state, "overview", None)
    gone = False
    if last is None or time.time() * 1000 - last.at > FRESH * 1000:
        try:
            last = _read(request)
            request.app.state.overview = last
        except DOWN:
            gone = True
    if last is None:
        raise ConnectionError
    settings: Settings = request.app.state.settings
    names = _listeners(settings, last.found)
    values = {
        "seen": last,
        "gone": gone,
        "listeners": names,
        "base": settings.public_url or request.app.state.web,
        "ending": "" if names[0][0] == "default" else f"/{names[0][0]}",
    }
    fragment = request.headers.get("hx-request") == "true"
    return render.page(request, "overview_numbers.html" if fragment else "overview.html", values)


def _read(request: Request) -> Overview:
    client: Any = request.app.state.redis
    settings: Settings = request.app.state.settings
    demo = demo_token(settings)
    tokens = ["set"] * len(settings.bearer_digests) + [demo] * bool(demo)
    found = snapshot.read(client)
    findings = sorted(
        check_workload(settings, found, tokens, demo), key=lambda one: _ORDER.index(one.severity)
    )
    return Overview(int(time.time() * 1000), found, sink_ledger.read(client), findings)


def _listeners(settings: Settings, found: Snapshot) -> list[tuple[str, int]]:
    """Return each listener and when it was last heard, 0 for never; the silent ones first."""
    names = {one.name for one in settings.listeners} or set(found.heard) or {"default"}
    return sorted(((name, found.heard.get(name, 0)) for name in names), key=lambda one: one[1])


ROUTES: Final = [Page("/", show, "viewer")]
