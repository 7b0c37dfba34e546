"""Search: an id leads to its story; a number or a text is looked for, on the audit trail."""

import hashlib
import re
from collections.abc import Mapping
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from receiver.console import audit, forms, render
from receiver.console.app import Page, masks_of
from receiver.console.entry_id import entry_id
from receiver.console.search import WINDOWS, Busy, Result, search

SHORTEST: Final = 3
TOO_SHORT: Final = "Three characters at least are wanted."
_ID: Final = re.compile(r"[0-9a-f]{27}|[0-9a-f]{32}").fullmatch


def show(request: Request) -> Response:
    """Show the empty form."""
    return _page(request, "", "24 hours", None, "")


async def find(request: Request) -> Response:
    """Go to an id's story, or look for a text. A number never stands in an address: it is a form
    that is sent.
    """
    form = await forms.fields(request)
    text, window = form.get("text", "").strip(), form.get("window", "")
    if _ID(text.lower()) or entry_id(text):
        return RedirectResponse(f"/n/{text.lower()}", 303)
    window = window if window in WINDOWS else "24 hours"
    if len(text) < SHORTEST:
        return _page(request, text, window, None, TOO_SHORT)
    if request.state.session.role != "operator":
        return _page(request, "", window, None, "A viewer may look for ids only.")
    client, who = request.app.state.redis, request.state.session.name
    await run_in_threadpool(audit.write, client, who, "search", digest(text))
    masks = await run_in_threadpool(masks_of, request)
    try:
        before = entry_id(form.get("before", ""))
        found = await run_in_threadpool(search, client, masks, text, WINDOWS[window], before)
    except Busy:
        return _page(request, text, window, None, "Somebody else searches: try again in a moment.")
    return _page(request, text, window, found, "")


def wanted(form: Mapping[str, str]) -> tuple[str, int]:
    """Return the text that a form asks for, and of how many hours."""
    hours = WINDOWS.get(form.get("window", ""), 24)
    return form.get("text", "").strip(), hours


def digest(text: str) -> str:
    """Return what stands on the audit trail for a text."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def _page(request: Request, text: str, window: str, found: Result | None, trouble: str) -> Response:
    values = {
        "text": text,
        "window": window,
        "windows": list(WINDOWS),
        "found": found,
        "trouble": trouble,
    }
    return render.page(request, "search.html", values)


ROUTES: Final = [
    Page("/search", show, "viewer"),
    Page("/search", find, "viewer", ["POST"]),
]
