"""Sinks: what each does, and the buttons that stop and start one."""

import time
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from receiver.config.settings import SinkSettings
from receiver.console import audit, forms, render
from receiver.console.app import Page, masks_of
from receiver.console.attempts import shown as shown_attempts
from receiver.console.forms import NotDone
from receiver.console.mask import Masks
from receiver.console.paging import shown
from receiver.contract.redis_keys import sink_state
from receiver.contract.stored_values import whole
from receiver.operations import delivery_attempts, oldest_waiting, sink_ledger, sink_orders
from receiver.operations.sink_ledger import SinkLedger
from receiver.runtime.redis_errors import unless_foreign


def show(request: Request) -> Response:
    """Show every sink with its ledger, those with trouble first."""
    rows = sorted(sink_ledger.read(request.app.state.redis), key=trouble_first)
    known = {one.name for one in rows}
    configured = [one.name for one in request.app.state.settings.sinks]
    begins = [name for name in configured if name not in known]
    values = {"shown": shown(request, rows), "begins": begins, "configured": {*configured}}
    return render.page(request, "sinks.html", values)


def trouble_first(sink: SinkLedger) -> tuple[bool, bool, bool, str]:
    """Return the sort key of a sink: stopped, then failing, then the others; retired ones last."""
    return not sink.begun, not sink.stopped, not sink.failing, sink.name


def show_one(request: Request) -> Response:
    """Show one sink: its ledger, its circuit, the oldest that waits, what it may get."""
    name, client = request.path_params["name"], request.app.state.redis
    found = next((x for x in sink_ledger.read(client) if x.name == name), None)
    settings = next((x for x in request.app.state.settings.sinks if x.name == name), None)
    if found is None:
        raise _none(settings)
    masks = masks_of(request)
    attempts = unless_foreign(lambda: delivery_attempts.newest(client, name), [])
    stopped: Any = unless_foreign(lambda: client.hget(sink_state(name), "stopped_at"), None)
    about: dict[str, Any] = {
        "sink": found,
        "settings": settings,
        "configured": [name] if settings else [],
        "kind": settings.__struct_config__.tag if settings else "",
        "where": _where(settings, masks) if settings else [],
        "now_s": time.time(),
        "oldest": unless_foreign(lambda: oldest_waiting.oldest(client, name), 0),
        "stopped_at": whole(stopped),
        "attempts": shown_attempts(attempts, masks),
    }
    return render.page(request, "sink.html", about)


def _none(settings: SinkSettings | None) -> NotDone:
    """Say why there is nothing of a sink that no worker ever had."""
    if settings is None:
        return NotDone(404, "No such sink", "No sink of this name was ever configured.")
    said = "No worker has begun yet, and nothing is sent. Start it with the same receiver.toml."
    return NotDone(404, settings.name, said, "receiver worker")


def _where(settings: SinkSettings, masks: Masks) -> list[tuple[str, Any]]:
    """Return the paths of a filter, each with its value masked as in an event."""
    return [
        (path, *masks.document({path.rpartition(".")[2]: value}).values())
        for path, value in settings.where.items()
    ]


def act(request: Request) -> Response:
    """Stop a sink, or start it again."""
    name = request.path_params["name"]
    form = request.state.form
    state, who = request.app.state, request.state.session.name
    if name not in sink_ledger.known_sinks(state.redis):
        raise _none(None)
    action = forms.action(form, ("stop", "start"))
    audit.record(request, f"sink.{action}", name)
    if action == "start":
        sink_orders.start(state.redis, name)
    else:
        why = " ".join(form.get("why", "").split())[:200]
        words = f"stopped by {who} in the console" + (f": {why}" if why else "")
        sink_orders.pause(state.redis, name, words)
    return RedirectResponse(f"/sinks/{name}", 303)


ROUTES: Final = [
    Page("/sinks", show, "viewer"),
    Page("/sinks/{name}", show_one, "viewer"),
    Page("/sinks/{name}", act, "operator", ["POST"]),
]
