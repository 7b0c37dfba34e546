"""Search: an id leads to its story; a number or a text is looked for, on the audit trail."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from receiver.console import audit, render
from receiver.console.app import Page, masks_of
from receiver.console.forms import entry_id
from receiver.console.search import MOST_FOUND, PAUSE, SECONDS, WINDOWS, Busy, Step, search
from receiver.runtime.redis_errors import DOWN, in_words

SHORTEST: Final = 3
TELL_EVERY: Final = 0.5
"""Seconds after which it is said again how far it was looked, where nothing is found."""
HERE: Final = "<!-- what is found -->"
_AS_IT_COMES: Final = {"content-type": "text/html; charset=utf-8", "content-encoding": "identity"}
"""Not compressed: that would gather what is found instead of sending it."""
TOO_SHORT: Final = "Three characters at least are wanted."
_ID: Final = re.compile(r"[0-9a-f]{27}|[0-9a-f]{32}").fullmatch
_ENTRY: Final = re.compile(r"[0-9]{13}-[0-9]{1,20}").fullmatch
"""What begins with a time of these centuries: a shorter one may be a telephone number."""


def show(request: Request) -> Response:
    """Show the empty form."""
    return _page(request, "", "24 hours", "")


def find(request: Request) -> Response:
    """Redirect to an id's story, or look for a text. That comes in a form, so that no number ever
    stands in an address.
    """
    form = request.state.form
    text, window = form.get("text", "").strip(), form.get("window", "")
    before = entry_id(form.get("before", ""))
    is_text = before or form.get("as") == "text"  # it is no id of ours, or nothing has it any more
    if not is_text and (_ID(text.lower()) or _ENTRY(text)):
        return RedirectResponse(f"/n/{text.lower()}", 303)
    window = window if window in WINDOWS else "24 hours"
    if len(text) < SHORTEST:
        return _page(request, text, window, TOO_SHORT)
    if request.state.session.role != "operator":
        return _page(request, "", window, "A viewer may look for ids only.")
    masks = masks_of(request)
    audit.record(request, "search", masks.digest(text))
    steps = search(request.app.state.redis, masks, text, WINDOWS[window], before)
    page = _page(request, text, window, "", found=True)
    return StreamingResponse(_written(request, page, steps, text, window), headers=_AS_IT_COMES)


async def _written(
    request: Request, page: Response, steps: Iterator[Step], text: str, window: str
) -> AsyncIterator[str]:
    """Yield a page as it is found: what goes on past `SECONDS` or `MOST_FOUND` is offered."""
    head, _, foot = bytes(page.body).decode().partition(HERE)
    yield head
    about = Progress(text, window)
    parts: Any = request.app.state.templates.get_template("search_found.html").module
    try:
        while step := await run_in_threadpool(next, steps, None):
            yield about.take(step, parts)
            if about.ends(step):
                break
            await asyncio.sleep(PAUSE)
    except Busy:
        about.trouble = "Somebody else searches: try again in a moment."
    except DOWN as error:
        about.trouble = f"{in_words(error)}: this is how far it was looked."
    finally:
        steps.close()  # type: ignore[attr-defined]
    yield str(parts.end(about))
    yield foot


class Progress:
    """How far one search is."""

    def __init__(self, text: str, window: str) -> None:
        self.text = text
        self.window = window
        self.found = 0
        self.last = Step([], 0, 0, "")
        self.trouble = ""
        self._until = time.monotonic() + SECONDS
        self._told = 0.0

    def take(self, step: Step, parts: Any) -> str:
        """Return the rows of a step, and now and then how far that is."""
        self.last, self.found = step, self.found + len(step.rows)
        rows = "".join(str(parts.found(one)) for one in step.rows)
        now = time.monotonic()
        if not rows and now - self._told < TELL_EVERY:
            return ""
        self._told = now
        return rows + str(parts.progress(self))

    def ends(self, step: Step) -> bool:
        """Return whether nothing more is looked for now."""
        over = self.found >= MOST_FOUND or time.monotonic() > self._until
        return over or not step.go_on


def wanted(form: Mapping[str, str]) -> tuple[str, int]:
    """Return the text that a form asks for, and of how many hours."""
    hours = WINDOWS.get(form.get("window", ""), 24)
    return form.get("text", "").strip(), hours


def _page(
    request: Request, text: str, window: str, trouble: str, *, found: bool = False
) -> Response:
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
