"""The first page: do the books balance, is anything wrong, who has gone silent."""

import time
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from receiver.config.settings import Settings
from receiver.console import render
from receiver.console.app import Page
from receiver.metrics import snapshot
from receiver.metrics.snapshot import Snapshot
from receiver.operations import sink_ledger
from receiver.operations.sink_ledger import SinkLedger
from receiver.runtime.redis_client import DOWN

FRESH: Final = 1.0
"""Seconds for which one reading of Redis serves every viewer."""


class Overview(msgspec.Struct, frozen=True):
    """One reading of all that the first page shows."""

    at: int
    """Milliseconds since 1970."""
    found: Snapshot
    sinks: list[SinkLedger]


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
    values = {"seen": last, "gone": gone, "listeners": _listeners(settings, last.found)}
    fragment = request.headers.get("hx-request") == "true"
    return render.page(request, "overview_numbers.html" if fragment else "overview.html", values)


def _read(request: Request) -> Overview:
    client: Any = request.app.state.redis
    return Overview(int(time.time() * 1000), snapshot.read(client), sink_ledger.read(client))


def _listeners(settings: Settings, found: Snapshot) -> list[tuple[str, int]]:
    """Return each listener and when it was last heard, 0 for never; the silent ones first."""
    names = {one.name for one in settings.listeners} or set(found.heard) or {"default"}
    return sorted(((name, found.heard.get(name, 0)) for name in names), key=lambda one: one[1])


ROUTES: Final = [Page("/", show, "viewer")]
