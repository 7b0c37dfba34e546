"""Rejected requests: authentic, and not what the carrier sends; kept with their reason."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from itertools import chain
from typing import Any, Final
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from receiver.console import audit, forms, render, seal
from receiver.console.app import Page, masks_of, slowly, tasks_of, web_of
from receiver.console.forms import NotDone, entry_id
from receiver.console.marked import marked
from receiver.console.own_token import own_token
from receiver.console.seal import sealed
from receiver.console.tasks import Task
from receiver.contract.entry_ids import order
from receiver.contract.redis_keys import REJECTED
from receiver.operations import rejected_requests
from receiver.operations.look import newest_entry
from receiver.operations.rejected_requests import Found, Replay, Selection, WrongToken
from receiver.runtime.blocking_http import Unreachable

ROWS: Final = 50
ACTIONS: Final = ("replay", "drop")
BUDGET: Final = 2_000
"""Those that a page looks at for what its filter selects. Then it offers to go on."""
GROUPED: Final = 1_000
"""The newest that are grouped by status and reason."""


def show(request: Request) -> Response:
    """Show the newest that the filter selects."""
    client, query = request.app.state.redis, request.query_params
    before = entry_id(query.get("before", ""))
    rows, older = rejected_requests.newest(client, selection(query), before, ROWS, BUDGET)
    values = {
        "rows": rows,
        "older": urlencode({**_filter(query), "before": older}) if older else "",
        "filter": _filter(query),
        "groups": [] if before else rejected_requests.reasons(client, GROUPED).most_common(12),
        "grouped": GROUPED,
        "total": client.xlen(REJECTED),
    }
    return render.page(request, "rejected.html", values)


def show_one(request: Request, *, revealed: bool = False) -> Response:
    """Show one, masked unless it is `revealed`."""
    entry = entry_id(request.path_params["id"])
    found = rejected_requests.get(request.app.state.redis, entry) if entry else None
    if found is None:
        why = "It was replayed, or ten thousand newer ones came since."
        raise NotDone(404, "No such rejected request", why)
    refusal, masks = found.refusal, masks_of(request, revealed=revealed)
    values = {
        "id": found.id,
        "one": refusal,
        "headers": masks.headers(refusal.headers),
        "body": marked(refusal.body, refusal.reason, masks),
        "revealed": revealed,
    }
    return render.page(request, "rejected_one.html", values)


def reveal(request: Request) -> Response:
    """Show one as it is, once that is on the audit trail."""
    return audit.revealed(request, show_one(request, revealed=True))


async def confirm(request: Request) -> Response:
    """Say how many the filter selects now, and ask."""
    form = request.state.form
    action = forms.action(form, ACTIONS)
    last = await run_in_threadpool(newest_entry, request.app.state.redis, REJECTED)
    count = await slowly(request, _count, request.app.state.redis, form, last)
    shown = _filter(form) | {"id": entry_id(form.get("id", "")), "last": last}
    hidden = sealed(request, "rejected", {"action": action, "count": count} | shown)
    values = {"action": action, "count": count, "fields": shown, "hidden": hidden}
    return render.page(request, "rejected_confirm.html", values)


def run(request: Request) -> Response:
    """Begin what was confirmed, on what was counted."""
    form = request.state.form
    once = seal.check(request, "rejected", form)
    forms.check_typed(form)
    action, count, last = form["action"], int(form["count"]), form["last"]
    state, who = request.app.state, request.state.session.name
    chosen = urlencode({name: value for name, value in _filter(form).items() if value})
    about = entry_id(form.get("id", "")) or chosen or "all"
    write = partial(audit.record, request, f"rejected.{action}", about, count)
    title = forms.counted(action, count, "rejected request")
    task = Task(once, title, who, count, back="/rejected")
    work = _drop if action == "drop" else _replay
    tasks_of(request).start(task, lambda _: work(state, form, last), write)
    return RedirectResponse(f"/tasks/{task.id}", 303)


def _replay(state: Any, form: Any, last: str) -> Iterator[tuple[str, str]]:
    found = _frozen(state.redis, form, last)
    first = next(found, None)  # a page of them at a time: ten thousand may be gigabytes
    if first is None:
        return
    url = web_of(state)
    with own_token(state.redis) as token, closing(Replay(state.redis, url, token)) as sender:
        for one in chain((first,), found):
            try:
                outcome = sender.send(one)
            except Unreachable:
                outcome = f"no web process answers at {url}"
            except WrongToken:
                outcome = "the web process did not take the console's token"
            yield one.id, "done" if outcome == "taken" else outcome


def _drop(state: Any, form: Any, last: str) -> Iterator[tuple[str, str]]:
    for one in _frozen(state.redis, form, last):
        yield one.id, "done" if rejected_requests.drop(state.redis, one) else "gone"


def _frozen(client: Any, form: Any, last: str) -> Iterator[Found]:
    """Return what the filter selects of the entries that were there when they were counted."""
    found = rejected_requests.select(client, selection(form))
    return (one for one in found if order(one.id) <= order(last))


def _count(client: Any, form: Any, last: str) -> int:
    return sum(1 for _ in _frozen(client, form, last))


def _filter(values: Any) -> dict[str, str]:
    known = {name: values.get(name, "")[:200] for name in ("listener", "reason")}
    return known | {"status": str(forms.number(values, "status") or "")}


def selection(values: Any) -> Selection:
    """Return the filter in the fields of a form or an address."""
    wanted, entry = _filter(values), entry_id(values.get("id", ""))
    return Selection(
        ids=frozenset({entry} if entry else ()),
        listener=wanted["listener"],
        reason=wanted["reason"],
        status=forms.number(wanted, "status"),
    )


ROUTES: Final = [
    Page("/rejected", show, "viewer"),
    Page("/rejected/confirm", confirm, "operator", ["POST"]),
    Page("/rejected/run", run, "operator", ["POST"]),
    Page("/rejected/{id}", show_one, "viewer"),
    Page("/rejected/{id}/reveal", reveal, "operator", ["POST"]),
]
