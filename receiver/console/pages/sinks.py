"""Sinks: what each does, and the buttons that stop and start one."""

import time
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from receiver.console import audit, forms, render
from receiver.console.app import Page, masks_of
from receiver.console.attempts import shown
from receiver.operations import delivery_attempts, sink_ledger, sink_orders


def show(request: Request) -> Response:
    """Show every sink with its books."""
    rows = sink_ledger.read(request.app.state.redis)
    return render.page(request, "sinks.html", {"rows": rows, "now_s": time.time()})


def show_one(request: Request) -> Response:
    """Show one sink: its books, its circuit, what it may get."""
    name = request.path_params["name"]
    found = next((x for x in sink_ledger.read(request.app.state.redis) if x.name == name), None)
    if found is None:
        values = {"title": "No such sink", "sentence": "No sink of this name was ever configured."}
        return render.page(request, "message.html", values, 404)
    settings = next((x for x in request.app.state.settings.sinks if x.name == name), None)
    about: dict[str, Any] = {
        "sink": found,
        "settings": settings,
        "kind": settings.__struct_config__.tag if settings else "",
        "now_s": time.time(),
        "attempts": shown(
            delivery_attempts.newest(request.app.state.redis, name), masks_of(request)
        ),
    }
    return render.page(request, "sink.html", about)


async def act(request: Request) -> Response:
    """Stop a sink, or start it again."""
    name = request.path_params["name"]
    form = await forms.fields(request)
    state, who = request.app.state, request.state.session.name
    known = {one.name for one in await run_in_threadpool(sink_ledger.read, state.redis)}
    if name not in known:
        values = {"title": "No such sink", "sentence": "No sink of this name was ever configured."}
        return render.page(request, "message.html", values, 404)
    action = "start" if form.get("action") == "start" else "stop"
    await run_in_threadpool(audit.write, state.redis, who, f"sink.{action}", name)
    if action == "start":
        await run_in_threadpool(sink_orders.start, state.redis, name)
    else:
        why = " ".join(form.get("why", "").split())[:200]
        words = f"stopped by {who} in the console" + (f": {why}" if why else "")
        await run_in_threadpool(sink_orders.pause, state.redis, name, words)
    return RedirectResponse(f"/sinks/{name}", 303)


ROUTES: Final = [
    Page("/sinks", show, "viewer"),
    Page("/sinks/{name}", show_one, "viewer"),
    Page("/sinks/{name}", act, "operator", ["POST"]),
]
