"""One notification's story: what became of it, stage by stage, and what it said."""

import re
import shlex
from typing import Any, Final

import msgspec
import redis
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from receiver.carriers import CALLBACKS
from receiver.console import audit, render
from receiver.console.app import Page, masks_of
from receiver.console.attempts import shown
from receiver.console.rows import received
from receiver.contract.records import Attempt, Notification, decode_notification
from receiver.contract.redis_keys import EVENTS, INBOUND
from receiver.operations import delivery_attempts
from receiver.operations.explain import Story, Unknown, explain, stored
from receiver.operations.look import EVERYTHING

_ID: Final = re.compile(r"[0-9a-f]{27}|[0-9a-f]{32}|\d{1,16}-\d{1,20}").fullmatch
_ROUTES: Final = {callback.name: callback.path for callback in CALLBACKS}
_STATE: Final = {
    "rejected": "bad",
    "could not be understood": "bad",
    "was given up": "bad",
    "waits for a worker": "wait",
    "is with a worker": "wait",
    "will be tried again": "wait",
    "has not been read yet": "wait",
}


BUDGET: Final = 5_000
"""Entries of one stream that a page looks at; `?look=everything` looks at all."""


class Body(msgspec.Struct, frozen=True):
    """A body as it came, and the events that were made of it, as they are shown."""

    callback: str
    content_type: str
    raw: str
    events: list[str]
    curl: str


def show(request: Request) -> Response:
    """Show a story with everything of a person masked."""
    return _page(request, request.path_params["id"], revealed=False)


def reveal(request: Request) -> Response:
    """Show a story as it is, once that somebody wants to is on the audit trail."""
    name = request.path_params["id"]
    audit.write(request.app.state.redis, request.state.session.name, "reveal", name[:64])
    return _page(request, name, revealed=True)


def _page(request: Request, name: str, *, revealed: bool) -> Response:
    state = request.app.state
    try:
        if not _ID(name):
            raise Unknown
        stories = explain(state.redis, name, state.settings, _budget(request))
    except Unknown as unknown:
        unfound = {"id": name[:64], "reached": unknown.reached}
        return render.page(request, "story_unknown.html", unfound, 404)
    if len(stories) == 1 and stories[0].receipt != name and not revealed:
        return RedirectResponse(f"/n/{stories[0].receipt}", 303)
    values = {
        "stories": [_told(one) for one in stories],
        "bodies": [x for one in stories for x in _bodies(request, one, revealed=revealed)],
        "attempts": shown(_attempts(request, stories), None if revealed else masks_of(request)),
        "revealed": revealed,
        "state": _STATE,
    }
    return render.page(request, "story.html", values)


def _budget(request: Request) -> int:
    return EVERYTHING if request.query_params.get("look") == "everything" else BUDGET


def _told(story: Story) -> dict[str, Any]:
    return {
        "receipt": story.receipt,
        "at": received(story.receipt),
        "outcomes": story.outcomes,
        "lines": story.lines,
        "reached": story.reached,
    }


def _attempts(request: Request, stories: list[Story]) -> list[Attempt]:
    """The attempts at the events of these stories."""
    state = request.app.state
    sinks = [one.name for one in state.settings.sinks]
    entries = {x.about["entry"] for one in stories for x in one.lines if x.what == "published"}
    return [
        attempt
        for entry in sorted(entries)
        for attempt in delivery_attempts.of_event(state.redis, entry, sinks)
    ]


def _bodies(request: Request, story: Story, *, revealed: bool) -> list[Body]:
    client: redis.Redis = request.app.state.redis
    masks = masks_of(request)
    events = [
        _event(client, line.about["entry"]) for line in story.lines if line.what == "published"
    ]
    shown = [render.clear(one) if revealed else masks.body(one) for one in events if one]
    found: list[Body] = []
    for notification in _notifications(client, story.receipt, _budget(request)):
        raw = render.clear(notification.body) if revealed else masks.body(notification.body)
        own = shown if not found else []
        curl = _curl(request, notification, raw if revealed else masks.body(notification.body))
        found.append(Body(notification.callback, notification.content_type, raw, list(own), curl))
    return found or ([Body("", "", "", shown, "")] if shown else [])


def _notifications(client: redis.Redis, receipt: str, budget: int) -> list[Notification]:
    return [decode_notification(one) for _, one in stored(client, INBOUND, receipt, budget)]


def _event(client: redis.Redis, entry: str) -> bytes:
    page: Any = client.xrange(EVENTS, entry, entry, count=1)
    return page[0][1].get(b"event", b"") if page else b""


def _curl(request: Request, notification: Notification, body: str) -> str:
    """Return a command that sends the body again; empty for what was fetched, not sent."""
    address = _ROUTES.get(notification.callback, "")
    if not address:
        return ""
    base = request.app.state.settings.public_url or request.app.state.web
    kind = notification.content_type or "application/json"
    return (
        'curl -i -H "Authorization: Bearer $RECEIVER_TOKEN" '
        f"-H {shlex.quote(f'Content-Type: {kind}')} --data-binary {shlex.quote(body)} "
        f"{shlex.quote(f'{base}{address}/{notification.listener}')}"
    )


ROUTES: Final = [
    Page("/n/{id}", show, "viewer"),
    Page("/n/{id}/reveal", reveal, "operator", ["POST"]),
]
