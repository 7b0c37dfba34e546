"""Credentials: who may send, until when, whether a token is still in use; adding and revoking."""

import secrets
import time
from typing import Any, Final

import msgspec
import redis
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from receiver.auth import credential_store
from receiver.auth.bearer import Credential
from receiver.auth.credential_store import NotReplicated, Stored, id_of
from receiver.config.settings import LISTENER_NAME
from receiver.console import audit, forms, render
from receiver.console.app import Page
from receiver.console.forms import NotDone
from receiver.console.paging import shown

QUIET: Final = 7 * 86_400
"""Seconds without use after which a token may be revoked without a carrier noticing."""

DAYS: Final = 14
"""Days until a credential ends that is to be replaced: what the page proposes."""


def show(request: Request, token: str = "") -> Response:
    """Show the credentials, the oldest first; `token` of one that was just added, this once."""
    client, settings = request.app.state.redis, request.app.state.settings
    found = shown(request, credential_store.all_stored(client))
    values = {
        "shown": msgspec.structs.replace(found, rows=[_row(one) for one in found.rows]),
        "subscriptions": credential_store.subscriptions(client),
        "environment": len(settings.bearer_digests),
        "listeners": [one.name for one in settings.listeners],
        "token": token,
    }
    return render.page(request, "credentials.html", values)


def show_one(request: Request) -> Response:
    """Show one credential, and what becomes of its carrier if it is revoked."""
    name = request.path_params["id"]
    found = _named(request.app.state.redis, name)
    return render.page(request, "credential.html", {"one": _row(found[0]), "days": DAYS})


def add(request: Request) -> Response:
    """Add a credential; its token is shown this once."""
    form = request.state.form
    label, listener = form.get("label", "").strip()[:64], form.get("listener", "").strip()
    if listener and not LISTENER_NAME.fullmatch(listener):
        why = "A listener's name has 1 to 64 of a-z, 0-9 and -."
        raise NotDone(400, "Nothing was added", why)
    now = time.time()
    expires = now + forms.days(form) * 86_400 if form.get("days", "").strip() else None
    credential = Credential(label=label, listener=listener or None, expires=expires, created=now)
    token = secrets.token_urlsafe(32)
    audit.record(request, "credentials.add", id_of(token))
    credential_store.add(request.app.state.redis, token, credential)
    return show(request, token)


def revoke(request: Request) -> Response:
    """Revoke a credential now, or let it end in some days."""
    form, state = request.state.form, request.app.state
    name, days = request.path_params["id"], forms.days(form) if "days" in form else 0
    stored = _named(state.redis, name)
    when = f"in {days} {'days' if days > 1 else 'day'}" if days else "now"
    audit.record(request, "credentials.revoke", f"{name} {when}")
    try:
        _revoke(state.redis, stored, days, state.settings.ack_replicas)
    except NotReplicated as reached:
        why = f"{reached} replicas have it: one of the others may bring it back."
        raise NotDone(503, "It is not revoked everywhere", why) from None
    return RedirectResponse("/credentials", 303)


def _named(client: redis.Redis, name: str) -> list[Stored]:
    """Return the credentials with this id. Raises `NotDone` where there is none: then it may be
    anything, a token too, and is written nowhere.
    """
    found = [one for one in credential_store.all_stored(client) if one.id == name]
    if not found:
        raise NotDone(404, "No such credential", "It was revoked, or never there.")
    return found


def _revoke(client: redis.Redis, stored: list[Stored], days: int, replicas: int) -> None:
    if days:
        credential_store.set_expiry(client, stored, time.time() + days * 86_400, replicas)
    else:
        credential_store.revoke(client, stored, replicas)


def _row(one: Stored) -> dict[str, Any]:
    known = one.credential
    expires = known.expires if known else None
    last = one.used or (known.created if known else 0.0)
    return {
        "id": one.id,
        "label": known.label if known else "",
        "listener": (known.listener or "all") if known else "",
        "created": known.created * 1000 if known else 0,
        "days": (expires - time.time()) / 86_400 if expires is not None else None,
        "ended": one.ends_within(0),
        "used": int(one.used * 1000) if one.used else 0,
        "quiet": time.time() - last > QUIET,
        "readable": known is not None,
    }


ROUTES: Final = [
    Page("/credentials", show, "operator"),
    Page("/credentials", add, "operator", ["POST"]),
    Page("/credentials/{id}", show_one, "operator"),
    Page("/credentials/{id}/revoke", revoke, "operator", ["POST"]),
]
