"""The live tail: what comes in, as it comes in."""

import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Final
from urllib.parse import urlencode

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from receiver.console import render
from receiver.console.app import Page, masks_of, session_of
from receiver.console.live import HISTORY, MOST_VIEWERS, Live, TooMany
from receiver.console.live_batch import Batch, position_of, position_text
from receiver.console.rows import Filter, Row, filter_of, latest
from receiver.operations.notification_entries import is_receipt
from receiver.runtime.redis_errors import DOWN

ROWS: Final = 100
ASK_AGAIN: Final = 10.0
"""Seconds after which a stream is given only to whoever is still signed in."""


def show(request: Request) -> Response:
    """Show the newest rows; the page's script goes on from there."""
    live, wanted = _live(request), filter_of(request.query_params)
    count = HISTORY if wanted != Filter() else ROWS
    found = live.since({}, live.now(), count)
    rows = list(latest([one for one in found.rows if wanted.holds(one)]).values())[-ROWS:]
    sent = request.query_params.get("sent", "")
    values = {
        "rows": rows[::-1],
        "after": position_text(found.position),
        "filter": wanted,
        "query_is_empty": wanted == Filter(),
        "query": urlencode(msgspec.structs.asdict(wanted)),
        "begun": request.query_params.get("since") == "start",
        "sent": sent if is_receipt(sent) else "newest",
        "listeners": [one.name for one in request.app.state.settings.listeners],
    }
    return render.page(request, "live.html", values)


async def stream(request: Request) -> Response:
    """Stream rows as server-sent events; `Last-Event-ID`, or `after`, says what came before."""
    if request.method == "HEAD":
        return Response(media_type="text/event-stream")
    live = await run_in_threadpool(_live, request)
    text = request.headers.get("last-event-id") or request.query_params.get("after", "")
    batches = live.watch(position_of(text))
    try:
        first = await anext(batches)
    except TooMany:
        return Response(f"{MOST_VIEWERS} people watch already.\n", 503, media_type="text/plain")
    events = _events(request, live, first, batches)
    return StreamingResponse(events, media_type="text/event-stream")


async def _events(
    request: Request, live: Live, first: Batch | None, batches: AsyncIterator[Batch | None]
) -> AsyncIterator[bytes]:
    html, wanted = request.app.state.live_row, filter_of(request.query_params)
    yield b"retry: 2000\n\n"
    yield _event(first, wanted, html)
    asked, away = time.monotonic(), False
    async for batch in batches:
        if time.monotonic() > asked + ASK_AGAIN:
            if not await run_in_threadpool(_is_signed_in, request):
                return
            asked = time.monotonic()
        if live.away != away:
            away = live.away
            yield b"event: away\ndata: %d\n\n" % away
        yield _event(batch, wanted, html)


def _is_signed_in(request: Request) -> bool:
    """Return whether the viewer still has a session; while Redis is gone nobody loses one."""
    try:
        return session_of(request) is not None
    except DOWN:
        return True


def _event(batch: Batch | None, wanted: Filter, html: Callable[[Row], str]) -> bytes:
    if batch is None:
        return b": nothing new\n\n"
    if wanted not in batch.events:
        rows = latest([one for one in batch.rows if wanted.holds(one)]).values()
        lines = "".join(map(html, rows)).splitlines() or [""]
        text = "".join(f"data: {line}\n" for line in lines)
        more = " or more" if batch.at_least else ""
        skipped = f"event: skipped\ndata: {batch.skipped}{more}\n\n" if batch.skipped else ""
        batch.events[wanted] = f"{skipped}id: {position_text(batch.position)}\n{text}\n".encode()
    return batch.events[wanted]


def _live(request: Request) -> Live:
    state, masks = request.app.state, masks_of(request)
    with _one:
        if state.live is None:
            state.live_row = state.templates.get_template("live_row.html").module.live_row
            state.live = Live(state.redis, masks)
    found: Live = state.live
    return found


_one: Final = threading.Lock()
"""Requests come on several threads, and one reader is to serve them all."""


ROUTES: Final = [
    Page("/live", show, "viewer"),
    Page("/live/stream", stream, "viewer"),
]
