"""The live tail: what comes in, as it comes in."""

import threading
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urlencode

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from receiver.console import render
from receiver.console.app import Page, masks_of
from receiver.console.live import MOST_VIEWERS, Batch, Live, TooMany, position_of, position_text
from receiver.console.rows import Filter, filter_of, latest
from receiver.operations.explain import is_receipt

ROWS: Final = 100


async def show(request: Request) -> Response:
    """Show the newest rows; the page's script goes on from there."""
    live = await run_in_threadpool(_live, request)
    wanted = filter_of(request.query_params)
    upto = await run_in_threadpool(live.now)
    found, position = await run_in_threadpool(live.since, {}, upto)
    rows = list(latest([one for one in found if wanted.holds(one)]).values())[-ROWS:]
    sent = request.query_params.get("sent", "")
    values = {
        "rows": rows[::-1],
        "after": position_text(position),
        "filter": wanted,
        "query": urlencode(msgspec.structs.asdict(wanted)),
        "begun": request.query_params.get("since") == "start",
        "sent": sent if is_receipt(sent) else "newest",
        "listeners": [one.name for one in request.app.state.settings.listeners],
    }
    return render.page(request, "live.html", values)


async def stream(request: Request) -> Response:
    """Stream rows as server-sent events; `Last-Event-ID`, or `after`, says what came before."""
    live = await run_in_threadpool(_live, request)
    text = request.headers.get("last-event-id") or request.query_params.get("after", "")
    batches = live.watch(position_of(text))
    try:
        first = await anext(batches)
    except TooMany:
        return Response(f"{MOST_VIEWERS} people watch already.\n", 503, media_type="text/plain")
    row = request.app.state.templates.get_template("live_row.html")
    wanted = filter_of(request.query_params)

    async def events() -> AsyncIterator[str]:
        yield "retry: 2000\n\n"
        yield _event(first, wanted, row.render)
        async for batch in batches:
            yield _event(batch, wanted, row.render)

    return StreamingResponse(events(), media_type="text/event-stream")


def _event(batch: Batch | None, wanted: Filter, render_row: object) -> str:
    if batch is None:
        return ": nothing new\n\n"
    rows = [one for one in batch.rows if wanted.holds(one)]
    text = "".join(render_row(row=one) for one in rows) if callable(render_row) else ""
    lines = "".join(f"data: {line}\n" for line in text.splitlines() if line.strip())
    skipped = f"event: skipped\ndata: {batch.skipped}\n\n" if batch.skipped else ""
    return f"{skipped}id: {position_text(batch.position)}\n{lines or 'data:'}\n\n"


def _live(request: Request) -> Live:
    state, masks = request.app.state, masks_of(request)
    with _one:
        if getattr(state, "live", None) is None:
            state.live = Live(state.redis, masks)
    found: Live = state.live
    return found


_one: Final = threading.Lock()
"""Requests come on several threads, and one reader is to serve them all."""


ROUTES: Final = [
    Page("/live", show, "viewer"),
    Page("/live/stream", stream, "viewer"),
]
