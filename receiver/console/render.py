"""Templates to responses: one environment, escaping always on, no undefined name passed over."""

import time
from collections.abc import Container, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from receiver.console.sessions import Session
from receiver.contract.redis_keys import RETIRED_SECONDS
from receiver.metrics.sink_snapshot import BEATS_WITHIN
from receiver.operations.ledger import Ledger, or_more
from receiver.operations.sink_ledger import SinkLedger

NO_TIME: Final = "no time"
MESSAGE: Final = "message.html"
"""The template that says why there is no page; what it would have been a part of is loaded anew."""
_AGO: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))


@cache
def environment() -> Environment:
    """Return the templates' environment, all of them loaded: while the next version is installed
    over this one its templates are not put together with this one's pages.
    """
    made = Environment(
        loader=PackageLoader("receiver.console"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    named = (when, iso, ago, span, count, figure, idle, coded)
    made.filters |= {one.__name__: one for one in named}
    for name in made.list_templates():
        made.get_template(name)
    return made


def page(
    request: Request, template: str, values: Mapping[str, Any], status: int = 200
) -> HTMLResponse:
    """Return a page. Templates know `session` and `path` besides `values`."""
    session: Session | None = getattr(request.state, "session", None)
    about = {"session": session, "path": request.url.path, **values}
    text = request.app.state.templates.get_template(template).render(about)
    response = HTMLResponse(text, status)
    if template == MESSAGE and is_part(request):
        response.headers["hx-refresh"] = "true"
    return response


def is_part(request: Request) -> bool:
    """Return whether a page asks for a part of itself, which a whole page is not to be put into."""
    return request.headers.get("hx-request") == "true"


def iso(milliseconds: float) -> str:
    """Return a time as RFC 3339, UTC, to the millisecond."""
    moment = _moment(milliseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else NO_TIME


def when(milliseconds: float) -> str:
    """Return a time of day, with the date where it is not today's (UTC)."""
    moment, now = _moment(milliseconds), datetime.now(UTC)
    if moment is None:
        return NO_TIME
    if moment.date() == now.date():
        return moment.strftime("%H:%M:%S")
    return moment.strftime(
        "%d %b %H:%M:%S" if moment.year == now.year else "%Y-%m-%d %H:%M:%S"
    ).replace(" ", "\u00a0", 1)


def ago(milliseconds: float) -> str:
    """Return how long ago a time is: `12 s ago`, `3 h ago`, `in 5 min`."""
    if _moment(milliseconds) is None:
        return NO_TIME
    seconds = time.time() - milliseconds / 1000
    return f"{span(seconds)} ago" if seconds >= 0 else f"in {span(-seconds)}"


def span(seconds: float) -> str:
    """Return a length of time in its largest unit."""
    for size, unit in _AGO:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def count(number: int) -> str:
    """Return a number with thin groups of three, as tables have them."""
    return f"{number:,}".replace(",", "\u202f")


def coded(sentence: str) -> Markup:
    """Return a sentence as HTML; what stands between backticks, as on the command line, is code."""
    *pairs, last = sentence.split("`")
    if len(pairs) % 2:
        return escape(sentence)
    code = Markup("<code>{}</code>")
    parts = [code.format(one) if at % 2 else escape(one) for at, one in enumerate(pairs)]
    return Markup().join([*parts, escape(last)])


def figure(ledger: Ledger | SinkLedger, name: str) -> str:
    """Return one count of a ledger, `or more` with one that may be more; greyed words where no
    number stands in Redis.
    """
    if name in ledger.unreadable:
        return Markup('<span class="unreadable">unreadable</span>')
    return count(getattr(ledger, name)) + or_more(name, ledger.exact)


def idle(sink: SinkLedger, configured: Container[str]) -> bool:
    """Return whether no running worker has a sink that is, or lately was, in `receiver.toml`: then
    nothing is sent, whatever else is said of it. `configured`: the names in it.
    """
    known = sink.name in configured or sink.unknown_seconds <= RETIRED_SECONDS
    return known and sink.unknown_seconds > BEATS_WITHIN


def _moment(milliseconds: float) -> datetime | None:
    """Return the moment of a time; None for what no calendar has: somebody else wrote it."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
