"""Exports: every list as a file, with its page's filter, masked as the page is.

An operator may have one as it is: that is on the audit trail before the first byte.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final, get_args
from urllib.parse import urlencode

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from receiver.carriers import BY_NAME
from receiver.config.settings import Settings
from receiver.console import audit, export_rows
from receiver.console.app import Endpoint, Page, masks_of
from receiver.console.export import Row, download
from receiver.console.forms import NotDone
from receiver.console.mask import Masks
from receiver.console.pages import dead_letters, rejected, search
from receiver.console.rows import Filter, Outcome, filter_of
from receiver.console.search import Busy
from receiver.console.sessions import Role
from receiver.contract.records import Attempt, Refusal
from receiver.events.event_types import TYPES
from receiver.operations.sink_ledger import SinkLedger

Values = Mapping[str, str]
RowsOf = Callable[[Any, Masks, Values], Iterator[Row | None]]
"""Takes the application's state, masks, and the fields of a form or an address."""

_LIVE: Final = (
    *("at", "outcome", "what", "listener", "subject", "milliseconds", "note", "receipt", "entry"),
)
_LETTERS: Final = (
    *("id", "at", "kind", "type", "listener", "sink", "attempts", "reason", "receipt", "event"),
    "body",
)
_SETS: Final = (
    *("name", "operator", "wanted", "active", "states", "next_end", "stopped", "devices"),
    *("deletions", "refusals", "left", "trouble", "no_room"),
)
_POLLS: Final = (
    *("name", "kind", "succeeded", "due", "messages", "pending", "pages", "outcome", "trouble"),
)


class Export(msgspec.Struct, frozen=True):
    """One list: what its rows are, and who may have it."""

    columns: tuple[str, ...]
    rows: RowsOf
    role: Role = "viewer"
    personal: bool = False
    """Whether there is anything of a person in it, so that it has two forms."""


LISTS: Final = {
    "live": Export(
        _LIVE, lambda s, m, v: export_rows.of_live(s.redis, m, filter_of(v)), personal=True
    ),
    "dead-letters": Export(
        _LETTERS,
        lambda s, m, v: export_rows.of_dead_letters(s.redis, m, dead_letters.selection(v)),
        personal=True,
    ),
    "rejected": Export(
        ("id", *Refusal.__struct_fields__),
        lambda s, m, v: export_rows.of_rejected(s.redis, m, rejected.selection(v)),
        personal=True,
    ),
    "attempts": Export(
        Attempt.__struct_fields__,
        lambda s, m, v: export_rows.of_attempts(s.redis, m, v.get("sink", "")[:64]),
        personal=True,
    ),
    "sinks": Export(SinkLedger.__struct_fields__, lambda s, _m, _v: export_rows.of_sinks(s.redis)),
    "credentials": Export(
        ("id", "label", "listener", "created", "expires", "used"),
        lambda s, _m, _v: export_rows.of_credentials(s.redis),
        "operator",
    ),
    "audit": Export(
        ("id", *audit.Entry.__struct_fields__),
        lambda s, _m, _v: export_rows.of_audit(s.redis),
        "operator",
    ),
    "ledger": Export(
        ("name", "count", "meaning"), lambda s, _m, _v: export_rows.of_ledger(s.redis)
    ),
    "subscriptions": Export(
        _SETS, lambda s, _m, _v: export_rows.of_subscriptions(s.redis, s.settings)
    ),
    "polls": Export(_POLLS, lambda s, _m, _v: export_rows.of_polls(s.redis, s.settings)),
}


SEARCH: Final = Export(
    _LIVE, lambda s, m, v: export_rows.of_search(s.redis, m, *search.wanted(v)), personal=True
)


async def _file(
    request: Request, name: str, one: Export, values: Values, *, revealed: bool
) -> Response:
    def rows() -> Iterator[Row | None]:
        return one.rows(request.app.state, masks_of(request, revealed=revealed), values)

    return await download(request, name, values.get("format", ""), one.columns, rows)


def _masked(name: str) -> Endpoint:
    async def get(request: Request) -> Response:
        return await _file(request, name, LISTS[name], request.query_params, revealed=False)

    return get


def _as_it_is(name: str) -> Endpoint:
    async def post(request: Request) -> Response:
        form, settings = request.state.form, request.app.state.settings
        masks = await run_in_threadpool(masks_of, request)
        chosen = f"{name} {urlencode(_told(settings, form, masks))}".strip()[:200]
        await run_in_threadpool(audit.record, request, "export", chosen)
        return await _file(request, name, LISTS[name], form, revealed=True)

    return post


_FILTERS: Final = frozenset({*Filter.__struct_fields__, "sink", "reason", "status"})
_WORDS: Final = frozenset((*TYPES, *BY_NAME, *get_args(Outcome)))


def _told(settings: Settings, form: Values, masks: Masks) -> dict[str, str]:
    """Return a filter as the audit trail has it: known names as they are, anything else, which may
    be a person's number or a token, as a digest.
    """
    names = {one.name for one in (*settings.listeners, *settings.sinks)} | _WORDS
    found = {name: form.get(name, "") for name in sorted(_FILTERS)}
    return {
        name: value if _is_known(value, names) else f"digest:{masks.digest(value)}"
        for name, value in found.items()
        if value
    }


def _is_known(value: str, names: Collection[str]) -> bool:
    is_status = len(value) == 3 and value.isascii() and value.isdigit()
    return is_status or any(one.startswith(value) for one in names)


async def of_search(request: Request) -> Response:
    """Return what a search finds; the text never stands in an address."""
    form = request.state.form
    text, _ = search.wanted(form)
    if len(text) < search.SHORTEST:
        raise NotDone(400, "Nothing was looked for", search.TOO_SHORT)
    revealed = form.get("as") == "it-is"
    masks = await run_in_threadpool(masks_of, request)
    digest = masks.digest(text)
    await run_in_threadpool(audit.record, request, "search", digest)
    if revealed:
        await run_in_threadpool(audit.record, request, "export", f"search {digest}")
    try:
        return await _file(request, "search", SEARCH, form, revealed=revealed)
    except Busy:
        raise NotDone(503, "Somebody else searches", "Try again in a moment.") from None


ROUTES: Final = [
    *(Page(f"/export/{name}", _masked(name), one.role) for name, one in LISTS.items()),
    *(
        Page(f"/export/{name}", _as_it_is(name), "operator", ["POST"])
        for name, one in LISTS.items()
        if one.personal
    ),
    Page("/export/search", of_search, "operator", ["POST"]),
]
