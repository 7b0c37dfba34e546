"""Pages that show a state and change nothing: ledger, listeners, subscriptions, polls."""

from itertools import chain
from typing import Any, Final

import redis
from starlette.requests import Request
from starlette.responses import Response

from receiver.config.settings import LISTENER_NAME
from receiver.console import render
from receiver.console.app import Page, web_of
from receiver.console.forms import NotDone
from receiver.console.pages.overview import silent_first
from receiver.console.paging import shown
from receiver.contract.records import decode_notification
from receiver.contract.redis_keys import HEARD, INBOUND, TURNED_AWAY
from receiver.contract.stored_values import counts, decoded, whole
from receiver.metrics.counters import OTHER
from receiver.operations import ledger, sink_ledger, watch_ledger
from receiver.operations.ledger import MEANING
from receiver.operations.look import Look
from receiver.operations.notification_entries import milliseconds
from receiver.operations.sink_ledger import SinkLedger
from receiver.polling import overview as polls
from receiver.runtime.redis_errors import unless_foreign
from receiver.subscriptions import overview as subscriptions

AWAY: Final = 100
"""Counts of requests that were turned away; there are fewer, unless another program wrote some."""
RATE_MINUTES: Final = 10
RATE_MOST: Final = 1_000
RATE_BYTES: Final = 4 * 1024 * 1024


def show_ledger(request: Request) -> Response:
    """Show every count of the ledger with its meaning."""
    client = request.app.state.redis
    books = ledger.read(client)
    sinks = sink_ledger.read(client)
    watches = unless_foreign(lambda: watch_ledger.read(client), [])
    unequal = [f"the sink {one.name}" for one in sinks if not one.balanced]
    unequal += [f"what the poll {one.poll} watches" for one in watches if not one.balanced]
    values = {
        "books": books,
        "rows": [(name, getattr(books, name), meaning) for name, meaning in MEANING.items()],
        "unequal": unequal,
        "columns": _columns(sinks),
        "shown": shown(request, sinks),
    }
    return render.page(request, "ledger.html", values)


def _columns(sinks: list[SinkLedger]) -> list[str]:
    """Return the counts that add up to a sink's events; those that few have, where one has."""
    rare = [
        name
        for name in ("shed", "parked_damaged", "erased")
        if any(getattr(one, name) or name in one.unreadable for one in sinks)
    ]
    return ["events", "delivered", "filtered", "dead", "parked", *rare, "open"]


def show_listeners(request: Request) -> Response:
    """Show every listener and when it was last heard, the silent ones first."""
    state = request.app.state
    stored: Any = unless_foreign(lambda: state.redis.hgetall(HEARD), {})
    heard = counts(stored)
    rows = silent_first({one.name for one in state.settings.listeners}, heard)
    values = {"shown": shown(request, rows), "together": OTHER in heard}
    return render.page(request, "listeners.html", values)


def show_listener(request: Request) -> Response:
    """Show one listener: its addresses, when it was last heard, how many were turned away."""
    name, state = request.path_params["name"], request.app.state
    known = {one.name for one in state.settings.listeners}
    if not LISTENER_NAME.fullmatch(name) or (known and name not in known):
        raise NotDone(404, "No such listener", "receiver.toml does not name it.")
    said: Any = unless_foreign(lambda: state.redis.hmget(HEARD, name, OTHER), (None, None))
    away: Any = unless_foreign(lambda: state.redis.hgetall(TURNED_AWAY), {})
    base = state.settings.public_url or web_of(state)
    values = {
        "name": name,
        "rate": unless_foreign(lambda: _rate(state.redis, name), (0, RATE_MINUTES)),
        "heard": whole(said[0]),
        "together": said[1] is not None,
        "base": base,
        "ending": "" if name == "default" else f"/{name}",
        "away": sorted(counts(away).items())[:AWAY],
    }
    return render.page(request, "listener.html", values)


def _rate(client: redis.Redis, name: str) -> tuple[float, float]:
    """Return how many notifications a minute came for a listener, and of how many minutes that is:
    of the newest that are stored, bounded in time, number and bytes.
    """
    now = client.time()[0] * 1000
    first, count, size, reached = f"{now - RATE_MINUTES * 60_000}", 0, 0, ""
    look = Look(client, RATE_MOST)
    for entry, fields in chain.from_iterable(look.back(INBOUND, first=first)):
        stored = fields.get(b"n", b"")
        found = decoded(decode_notification, stored)
        count, size = count + bool(found and found.listener == name), size + len(stored)
        if size > RATE_BYTES:
            reached = entry
            break
    since = milliseconds(reached or look.reached.get(INBOUND, f"{first}-0"))
    minutes = max(1000, now - since) / 60_000
    return count / minutes, minutes


def show_subscriptions(request: Request) -> Response:
    """Show what receiver.toml subscribes to: each set's slots by state, each operator's trouble."""
    client, settings = request.app.state.redis, request.app.state.settings
    slots = subscriptions.read_slots(client)
    operators = [
        (one.name, subscriptions.read_operator_state(client, one.name))
        for one in settings.operators
    ]
    sets = subscriptions.read_sets(client, slots, settings)
    values = {"shown": shown(request, sets), "operators": operators}
    return render.page(request, "subscriptions.html", values)


def show_polls(request: Request) -> Response:
    """Show what is polled: each poll's last success, what waits, its trouble."""
    client, settings = request.app.state.redis, request.app.state.settings
    rows = polls.states(client, [one.name for one in settings.polls])
    values = {"rows": rows, "now_s": client.time()[0]}
    return render.page(request, "polls.html", values)


ROUTES: Final = [
    Page("/ledger", show_ledger, "viewer"),
    Page("/listeners", show_listeners, "viewer"),
    Page("/listeners/{name}", show_listener, "viewer"),
    Page("/subscriptions", show_subscriptions, "viewer"),
    Page("/polls", show_polls, "viewer"),
]
