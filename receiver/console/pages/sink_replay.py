"""Replay to one sink: what it would get again since a time, then exactly that."""

import time
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import msgspec
import redis
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from receiver.config.settings import SinkSettings
from receiver.console import audit, forms, render, seal
from receiver.console.app import Page, slowly, tasks_of
from receiver.console.forms import NotDone
from receiver.console.seal import sealed
from receiver.console.tasks import Task
from receiver.contract.redis_keys import sink_state
from receiver.operations.event_replay import Replay, Wanted, until_now
from receiver.runtime.moment import moment

SECONDS: Final = 10.0
"""How long a dry run counts."""


class Count(msgspec.Struct):
    """What a dry run found."""

    events: int = 0
    first: str = ""
    final: str = ""
    complete: bool = True
    """Whether it counted to the end."""


async def confirm(request: Request) -> Response:
    """Say how many events there are since a time, the first and the last, and ask."""
    form = request.state.form
    sink = _sink(request)
    if why := await run_in_threadpool(_stopped, request.app.state.redis, sink.name):
        raise NotDone(409, "The sink is stopped", f"Start it first: {why}.")
    try:
        since = moment(form.get("since", "").strip())
    except ValueError as wrong:
        raise NotDone(400, "That is no time", f"{wrong}.") from None
    until = await run_in_threadpool(until_now, request.app.state.redis)
    wanted = Wanted(since=since, until=until)
    count = await slowly(request, _count, request.app.state.redis, sink, wanted)
    shown = {"since": wanted.since, "until": wanted.until, "count": count.events}
    shown |= {} if count.complete else {"least": 1}
    hidden = sealed(request, f"sinks/{sink.name}", shown)
    values = {"name": sink.name, "wanted": wanted, "count": count, "hidden": hidden}
    return render.page(request, "sink_replay.html", values)


def run(request: Request) -> Response:
    """Begin what was confirmed, on what was counted."""
    form = request.state.form
    sink, state = _sink(request), request.app.state
    once = seal.check(request, f"sinks/{sink.name}", form)
    since, until, count = int(form["since"]), int(form["until"]), int(form["count"])
    about = f"{sink.name} since={render.iso(min(since, until))} until={render.iso(until)}"
    write = partial(audit.record, request, "sink.replay", about, count)
    title = f"{forms.counted('replay', count, 'event')} to {sink.name}"
    least = "least" in form
    title = title.replace(" ", " at least ", 1) if least else title
    who = request.state.session.name
    task = Task(once, title, who, count, back=f"/sinks/{sink.name}", at_least=least)
    wanted = Wanted(since=since, until=until)
    work = partial(_replay, state.redis, sink, wanted)
    tasks_of(request).start(task, work, write)
    return RedirectResponse(f"/tasks/{task.id}", 303)


def _replay(
    client: redis.Redis, sink: SinkSettings, wanted: Wanted, task: Task
) -> Iterator[tuple[str, str]]:
    """Replay events, yielding each with "done": the sink gets those that already waited too."""
    for step in Replay(client, sink, wanted, task.wait_for).steps(dry=False):
        for _ in range(step.chosen):
            yield step.last, "done"


def _count(client: redis.Redis, sink: SinkSettings, wanted: Wanted) -> Count:
    found, until = Count(), time.monotonic() + SECONDS
    for step in Replay(client, sink, wanted).steps(dry=True):
        found.events += step.chosen
        found.first = found.first or step.first
        found.final = step.final or found.final
        if time.monotonic() > until:
            found.complete = False
            break
    return found


def _sink(request: Request) -> SinkSettings:
    """Return the settings of the sink of this address. Raises `NotDone` where there are none."""
    sinks: tuple[SinkSettings, ...] = request.app.state.settings.sinks
    for one in sinks:
        if one.name == request.path_params["name"]:
            return one
    raise NotDone(404, "No such sink", "receiver.toml does not name it.")


def _stopped(client: redis.Redis, name: str) -> str:
    why: Any = client.hget(sink_state(name), "stopped")
    return why.decode("utf-8", "replace") if why else ""


ROUTES: Final = [
    Page("/sinks/{name}/replay", confirm, "operator", ["POST"]),
    Page("/sinks/{name}/replay/run", run, "operator", ["POST"]),
]
