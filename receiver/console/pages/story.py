"""One notification's story: what became of it, stage by stage, and what it said."""

from collections.abc import Callable
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from receiver.console import audit, render
from receiver.console.app import Page, masks_of, slowly
from receiver.console.attempts import shown
from receiver.console.bodies import bodies
from receiver.contract.records import Attempt, decode_notification
from receiver.contract.redis_keys import INBOUND
from receiver.contract.stored_values import decoded
from receiver.operations import delivery_attempts
from receiver.operations.explain import Story, Unknown, explain
from receiver.operations.look import EVERYTHING
from receiver.operations.notification_entries import received

_STATE: Final = {
    "rejected": "bad",
    "could not be understood": "bad",
    "was given up": "bad",
    "waits for a worker": "wait",
    "is with a worker": "wait",
    "will be tried again": "wait",
    "has not been read yet": "wait",
    "has been read and not acknowledged": "wait",
    "is parked": "wait",
}
_NOW: Final = {
    *("waits for a worker", "is with a worker", "will be tried again", "has not been read yet"),
    *("has been read and not acknowledged", "is settled", "is parked"),
    "is not wanted by its filters",
}
"""What a line says of the moment when somebody looks, not of a time."""


BUDGET: Final = 5_000
"""Entries of one stream that a page looks at; `?look=everything` looks at all."""
EVENT_BUDGET: Final = 1_500
"""The same for an event's id, which does not say where to begin."""
EVENT_LENGTH: Final = 32
LINES: Final = 1_000
"""Lines of one story that a page shows; what is wrong, or still to come, goes first."""
BODIES: Final = 50
"""Bodies that a page shows, and events of theirs: one request may have thousands."""


async def show(request: Request) -> Response:
    """Show a story with everything of a person masked; `newest` is the newest notification's."""
    return await _in_time(request, _shown)


async def reveal(request: Request) -> Response:
    """Show a story as it is, once that somebody wants to is on the audit trail."""
    return await _in_time(request, _revealed)


async def _in_time(request: Request, page: Callable[[Request], Response]) -> Response:
    if _everything(request):
        return await slowly(request, page, request)
    return await run_in_threadpool(page, request)


def _shown(request: Request) -> Response:
    name = request.path_params["id"]
    if name == "newest" and (receipt := _newest(request)):
        return RedirectResponse(f"/n/{receipt}", 303)
    return _page(request, name, revealed=False)


def _revealed(request: Request) -> Response:
    return audit.revealed(request, _page(request, request.path_params["id"], revealed=True))


def _page(request: Request, name: str, *, revealed: bool) -> Response:
    state = request.app.state
    try:
        stories = explain(state.redis, name, state.settings, _budget(request))
    except Unknown as unknown:
        unfound = {"id": name[:64], "reached": unknown.reached}
        return render.page(request, "story_unknown.html", unfound, 404)
    if len(stories) == 1 and stories[0].receipt != name and not revealed:
        return RedirectResponse(_address(request, stories[0].receipt), 303)
    found = [bodies(request, one, _budget(request), BODIES, revealed=revealed) for one in stories]
    values = {
        "stories": [_told(one) for one in stories],
        "bodies": [body for shown, _ in found for body in shown],
        "bodies_left": sum(left for _, left in found),
        "attempts": shown(_attempts(request, stories), masks_of(request, revealed=revealed)),
        "revealed": revealed,
        "everything": _everything(request),
        "state": _STATE,
        "of_now": _NOW,
    }
    return render.page(request, "story.html", values)


def _address(request: Request, receipt: str) -> str:
    """Return the address of a story that another id led to. A receipt says where to look, unless a
    spool held it for long.
    """
    state = request.app.state
    if _everything(request):
        try:
            explain(state.redis, receipt, state.settings, BUDGET)
        except Unknown:
            return f"/n/{receipt}?look=everything"
    return f"/n/{receipt}"


def _newest(request: Request) -> str:
    page: Any = request.app.state.redis.xrevrange(INBOUND, count=1)
    found = decoded(decode_notification, page[0][1].get(b"n")) if page else None
    return found.receipt if found else ""


def _everything(request: Request) -> bool:
    """Return whether the address asks for all that is stored to be looked at."""
    return request.query_params.get("look") == "everything"


def _budget(request: Request) -> int:
    if _everything(request):
        return EVERYTHING
    return EVENT_BUDGET if len(request.path_params["id"]) == EVENT_LENGTH else BUDGET


def _told(story: Story) -> dict[str, Any]:
    telling = sorted(story.lines, key=lambda line: line.what not in _STATE)
    return {
        "receipt": story.receipt,
        "at": received(story.receipt),
        "outcomes": story.outcomes,
        "lines": sorted(telling[:LINES], key=lambda line: line.at),
        "lines_left": max(0, len(story.lines) - LINES),
        "reached": story.reached,
    }


def _attempts(request: Request, stories: list[Story]) -> list[Attempt]:
    """Return the attempts to deliver the events of these stories, event by event."""
    state = request.app.state
    sinks = [one.name for one in state.settings.sinks]
    entries = {x.about["entry"] for one in stories for x in one.lines if x.what == "published"}
    return delivery_attempts.of_events(state.redis, entries, sinks)


ROUTES: Final = [
    Page("/n/{id}", show, "viewer"),
    Page("/n/{id}/reveal", reveal, "operator", ["POST"]),
]
