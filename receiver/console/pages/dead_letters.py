"""Dead letters: what could not be understood or delivered, one by one and by the filter."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from receiver.console import audit, forms, render, seal
from receiver.console.app import Page, masks_of, slowly, tasks_of
from receiver.console.forms import NotDone, entry_id
from receiver.console.marked import marked
from receiver.console.seal import sealed
from receiver.console.tasks import Task
from receiver.contract.records import decode_notification
from receiver.contract.redis_keys import DEAD_LETTERS
from receiver.operations import dead_letters
from receiver.operations.dead_letter_actions import DeadLetterActions
from receiver.operations.dead_letters import Selection
from receiver.operations.replay_throttle import ReplayThrottle
from receiver.runtime.bell import Bell
from receiver.runtime.server_time import server_time

ROWS: Final = 50
ACTIONS: Final = ("replay", "drop")
GROUPED: Final = 1_000
"""The newest that are grouped by reason and sink."""
BUDGET: Final = 1_000
"""Those that a page looks at for what its filter selects: some 20 ms. Then it offers to go on."""


def show(request: Request) -> Response:
    """Show the newest that the filter selects, and how many there are of each kind."""
    client, query = request.app.state.redis, request.query_params
    before = entry_id(query.get("before", ""))
    rows, older = dead_letters.newest(client, selection(query), before, ROWS, BUDGET)
    values = {
        "rows": [one.summary for one in rows],
        "older": urlencode({**_filter(query), "before": older}) if older else "",
        "filter": _filter(query),
        "groups": [] if before else dead_letters.reasons(client, GROUPED).most_common(12),
        "total": client.xlen(DEAD_LETTERS),
        "grouped": GROUPED,
    }
    return render.page(request, "dead_letters.html", values)


def show_one(request: Request, *, revealed: bool = False) -> Response:
    """Show one dead letter, masked unless it is `revealed`."""
    entry = entry_id(request.path_params["id"])
    found = dead_letters.get(request.app.state.redis, entry) if entry else None
    if found is None:
        why = "It was replayed or dropped, or it is older than what is kept."
        raise NotDone(404, "No such dead letter", why)
    masks = masks_of(request, revealed=revealed)
    came = found.summary.kind == "notification"
    headers = decode_notification(found.letter.notification).headers if came else ()
    values = {
        "one": found.summary,
        "headers": masks.headers(headers),
        "body": marked(found.body, found.summary.reason if came else "", masks),
        "revealed": revealed,
    }
    return render.page(request, "dead_letter.html", values)


def reveal(request: Request) -> Response:
    """Show one dead letter as it is, once that is on the audit trail."""
    return audit.revealed(request, show_one(request, revealed=True))


async def confirm(request: Request) -> Response:
    """Say how many the filter selects now, and ask."""
    form = request.state.form
    action = forms.action(form, ACTIONS)
    until = 1 + await run_in_threadpool(server_time, request.app.state.redis)
    wanted = selection(form, until)
    count = await slowly(request, _count, request, wanted)
    shown = _filter(form) | {"id": entry_id(form.get("id", "")), "until": until}
    hidden = sealed(request, "dead-letters", {"action": action, "count": count} | shown)
    values = {"action": action, "count": count, "fields": shown, "hidden": hidden}
    return render.page(request, "dead_letters_confirm.html", values)


def run(request: Request) -> Response:
    """Begin what was confirmed, on what was counted."""
    form = request.state.form
    once = seal.check(request, "dead-letters", form)
    forms.check_typed(form)
    action, count = form["action"], int(form["count"])
    wanted = selection(form, int(form["until"]))
    about = urlencode({k: v for k, v in _filter(form).items() if v}) or "all"
    name = entry_id(form.get("id", "")) or about
    write = partial(audit.record, request, f"dead-letters.{action}", name, count)
    title, who = forms.counted(action, count, "dead letter"), request.state.session.name
    task = Task(once, title, who, count)
    work = partial(_drop if action == "drop" else _replay, request.app.state, wanted)
    tasks_of(request).start(task, work, write)
    return RedirectResponse(f"/tasks/{task.id}", 303)


def _replay(state: Any, wanted: Selection, task: Task) -> Iterator[tuple[str, str]]:
    settings, client = state.settings, state.redis
    sinks = frozenset(sink.name for sink in settings.sinks)
    bell = Bell(client)

    def waits(why: str) -> None:
        task.wait_for(why)
        bell.enqueue()

    pace = ReplayThrottle(client, settings.full_percent, waits)
    try:
        letters = dead_letters.select(client, wanted)
        yield from DeadLetterActions(client).replay(letters, sinks, pace)
    finally:
        bell.enqueue()


def _drop(state: Any, wanted: Selection, _: Task) -> Iterator[tuple[str, str]]:
    client = state.redis
    return DeadLetterActions(client).drop(dead_letters.select(client, wanted))


def _count(request: Request, wanted: Selection) -> int:
    return sum(1 for _ in dead_letters.select(request.app.state.redis, wanted))


def _filter(values: Any) -> dict[str, str]:
    return {name: values.get(name, "")[:200] for name in ("sink", "reason")}


def selection(values: Any, until: int = 2**53) -> Selection:
    """Return the filter in the fields of a form or an address."""
    entry = entry_id(values.get("id", ""))
    wanted = _filter(values)
    ids = frozenset({entry} if entry else ())
    return Selection(ids=ids, sink=wanted["sink"], reason=wanted["reason"], until=until)


ROUTES: Final = [
    Page("/dead-letters", show, "viewer"),
    Page("/dead-letters/confirm", confirm, "operator", ["POST"]),
    Page("/dead-letters/run", run, "operator", ["POST"]),
    Page("/dead-letters/{id}", show_one, "viewer"),
    Page("/dead-letters/{id}/reveal", reveal, "operator", ["POST"]),
]
