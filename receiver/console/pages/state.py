"""Pages that show a state and change nothing: ledger, listeners, subscriptions, polls."""

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from receiver.config.settings import LISTENER_NAME
from receiver.console import render
from receiver.console.app import Page
from receiver.contract.redis_keys import HEARD, TURNED_AWAY
from receiver.operations import ledger, sink_ledger
from receiver.operations.ledger import MEANING
from receiver.polling import overview as polls
from receiver.subscriptions import overview as subscriptions


def show_ledger(request: Request) -> Response:
    """Show every count of the ledger with its meaning."""
    client = request.app.state.redis
    books = ledger.read(client)
    counts = msgspec.structs.asdict(books)
    values = {
        "books": books,
        "rows": [(name, counts[name], meaning) for name, meaning in MEANING.items()],
        "sinks": sink_ledger.read(client),
    }
    return render.page(request, "ledger.html", values)


def show_listener(request: Request) -> Response:
    """Show one listener: its addresses, when it was last heard, how many were turned away."""
    name, state = request.path_params["name"], request.app.state
    known = {one.name for one in state.settings.listeners}
    if not LISTENER_NAME.fullmatch(name) or (known and name not in known):
        gone = {"title": "No such listener", "sentence": "receiver.toml does not name it."}
        return render.page(request, "message.html", gone, 404)
    heard: Any = state.redis.hget(HEARD, name)
    away: Any = state.redis.hgetall(TURNED_AWAY)
    base = state.settings.public_url or state.web
    values = {
        "name": name,
        "heard": int(heard) if heard and heard.isdigit() else 0,
        "base": base,
        "ending": "" if name == "default" else f"/{name}",
        "away": sorted(
            (key.decode("utf-8", "replace"), int(count))
            for key, count in away.items()
            if count.isdigit()
        ),
    }
    return render.page(request, "listener.html", values)


def show_subscriptions(request: Request) -> Response:
    """Show what receiver.toml subscribes to: each set's slots by state, each operator's trouble."""
    client, settings = request.app.state.redis, request.app.state.settings
    slots = subscriptions.read_slots(client)
    operators = [
        (one.name, subscriptions.read_operator_state(client, one.name))
        for one in settings.operators
    ]
    values = {"sets": subscriptions.read_sets(client, slots, settings), "operators": operators}
    return render.page(request, "subscriptions.html", values)


def show_polls(request: Request) -> Response:
    """Show what is polled: each poll's last success, what waits, its trouble."""
    client, settings = request.app.state.redis, request.app.state.settings
    rows = polls.states(client, [one.name for one in settings.polls])
    values = {"rows": rows, "now_s": client.time()[0]}
    return render.page(request, "polls.html", values)


ROUTES: Final = [
    Page("/ledger", show_ledger, "viewer"),
    Page("/listeners/{name}", show_listener, "viewer"),
    Page("/subscriptions", show_subscriptions, "viewer"),
    Page("/polls", show_polls, "viewer"),
]
