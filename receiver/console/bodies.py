"""What came in one request, and the events that were made of it, as a story shows them."""

import base64
import re
import shlex
from typing import Final

import msgspec
import redis
from starlette.requests import Request

from receiver.carriers import CALLBACKS
from receiver.carriers.carrier import Rejected
from receiver.carriers.carrier import Request as Asked
from receiver.config.console import TRACE
from receiver.console.app import masks_of, web_of
from receiver.console.marked import Marked, marked
from receiver.console.mask import Masks, in_utf8
from receiver.console.origins import Origin, origins
from receiver.contract.records import Notification, Refusal, decode_notification, decode_refusal
from receiver.contract.redis_keys import EVENTS, INBOUND, REJECTED
from receiver.contract.stored_values import UNREADABLE
from receiver.operations.explain import Story, stored

_CALLBACKS: Final = {callback.name: callback for callback in CALLBACKS}

_CONTROL: Final = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f]").search


class ShownEvent(msgspec.Struct, frozen=True):
    """An event, and where each of its fields came from."""

    text: str
    origins: list[Origin]


class Body(msgspec.Struct, frozen=True):
    """A body as it came, and the events that were made of it."""

    callback: str
    content_type: str
    headers: list[tuple[str, str]]
    raw: Marked
    events: list[ShownEvent]
    curl: str
    refused: bool = False
    trace: str = ""
    """The id of the trace that its request belongs to; empty without traces."""
    trace_url: str = ""
    """Where that trace is shown; empty where nobody said."""


def bodies(
    request: Request, story: Story, budget: int, most: int, *, revealed: bool
) -> tuple[list[Body], int]:
    """Return the bodies of a story, accepted and refused, with at most so many events in all; and
    how many bodies and events there are besides. Raises `redis.RedisError`.
    """
    client: redis.Redis = request.app.state.redis
    masks = masks_of(request, revealed=revealed)
    published = [line.about["entry"] for line in story.lines if line.what == "published"]
    reason = next((x.about["reason"] for x in story.lines if x.what.startswith("could not")), "")
    events = _events(client, published)
    came = [decode_notification(x) for _, x in stored(client, INBOUND, story, budget)]
    refused = [decode_refusal(x) for _, x in stored(client, REJECTED, story, budget)]
    # Of many those that were refused go first: they are what somebody looks for.
    last = [_refused(one, masks) for one in refused[:most]]
    found = [_accepted(request, one, reason, masks) for one in came[: most - len(last)]]
    if events and not came:
        found = [Body("", "", [], Marked(""), [], "")]
    beside = zip(events, _beside(events, [one.body for one in came]), strict=True)
    own = [(event, place) for event, place in beside if place < len(found)][:most]
    for event, place in own:
        found[place].events.append(ShownEvent(masks.body(event), origins(event, masks)))
    left = max(0, len(came) - len(found)) + len(refused) - len(last) + len(events) - len(own)
    return found + last, left


def _beside(events: list[bytes], came: list[bytes]) -> list[int]:
    """Return of which body each event was made; where that cannot be told it is the first."""
    if len(came) < 2:
        return [0] * len(events)
    places: dict[bytes, int] = {}
    for place, one in enumerate(came):
        places.setdefault(_document(one), place)
    return [places.get(_document(one, "data", "raw"), 0) for one in events]


def _document(stored: bytes, *path: str) -> bytes:
    """Return a value of some JSON, written in one way; nothing where there is none."""
    try:
        found = msgspec.json.decode(stored)
        for name in path:
            found = found[name]
        return msgspec.json.encode(found, order="deterministic")
    except (*UNREADABLE, KeyError, TypeError):
        return b""


def _accepted(request: Request, one: Notification, reason: str, masks: Masks) -> Body:
    trace = one.trace[3:35]
    pattern: str = request.app.state.settings.trace_url
    return Body(
        callback=one.callback,
        content_type=one.content_type,
        headers=masks.headers(one.headers),
        raw=marked(one.body, reason, masks),
        events=[],
        curl=_curl(request, one, masks),
        trace=trace,
        trace_url=pattern.replace(TRACE, trace) if trace else "",
    )


def _refused(one: Refusal, masks: Masks) -> Body:
    kind = next((value for name, value in one.headers if name == "content-type"), "")
    body, headers = marked(one.body, one.reason, masks), masks.headers(one.headers)
    return Body(one.callback, kind, headers, body, [], "", refused=True)


def _events(client: redis.Redis, entries: list[str]) -> list[bytes]:
    """Return the events of these entries that are still stored."""
    pipe = client.pipeline(transaction=False)
    for entry in entries:
        pipe.xrange(EVENTS, entry, entry, count=1)
    found = (fields.get(b"event", b"") for page in pipe.execute() for _, fields in page)
    return [event for event in found if event]


def _curl(request: Request, notification: Notification, masks: Masks) -> str:
    """Return a command that sends the body again; empty for what was fetched, not sent."""
    if notification.callback not in _CALLBACKS:
        return ""
    address = _CALLBACKS[notification.callback].path
    base = request.app.state.settings.public_url or web_of(request.app.state)
    kind = _kind_to_send(notification)
    before, data = _data(notification.body, masks)
    return (
        f'{before}curl -i -H "Authorization: Bearer $RECEIVER_TOKEN" '
        f"-H {shlex.quote(f'Content-Type: {kind}')} --data-binary {data} "
        f"{shlex.quote(f'{base}{address}/{notification.listener}')}"
    )


def _kind_to_send(notification: Notification) -> str:
    """Return the content type it came with, unless that is another body's: an item of a batch, and
    what was in binary mode, are stored as their carrier's own JSON.
    """
    callback, kind = _CALLBACKS[notification.callback], notification.content_type
    try:
        callback.read(Asked(kind, (), notification.body))
    except Rejected:
        kind = next(iter(callback.content), "")
    return kind or "application/json"


def _data(body: bytes, masks: Masks) -> tuple[str, str]:
    """Return what stands before curl, and its data. Octets that no argument can hold come in by a
    pipe, and so do those that a terminal may take for keys, and what curl would take for the name
    of a file.
    """
    odd = in_utf8(body) is not body or _CONTROL(body.decode())
    if masks.clear and (odd or body.startswith(b"@")):
        return f"echo {base64.b64encode(body).decode()} | base64 -d | ", "@-"
    return "", shlex.quote(masks.body(body))
