"""Templates to responses: one environment, escaping always on, no undefined name passed over."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from receiver.console.sessions import Session

_AGO: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))


def environment() -> Environment:
    """Return the templates' environment."""
    made = Environment(
        loader=PackageLoader("receiver.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"when": when, "iso": iso, "ago": ago, "span": span, "count": count}
    return made


def page(
    request: Request, template: str, values: Mapping[str, Any] | None = None, status: int = 200
) -> HTMLResponse:
    """Return a page. Templates know `session` and `path` besides `values`."""
    session: Session | None = getattr(request.state, "session", None)
    about = {"session": session, "path": request.url.path, "now": int(time.time() * 1000)}
    text = request.app.state.templates.get_template(template).render(about | dict(values or {}))
    return HTMLResponse(text, status)


def iso(milliseconds: int) -> str:
    """Return a time as RFC 3339, UTC, to the millisecond."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def when(milliseconds: int) -> str:
    """Return a time of day, with the date where it is not today's (UTC)."""
    moment, now = datetime.fromtimestamp(milliseconds / 1000, UTC), datetime.now(UTC)
    if moment.date() == now.date():
        return moment.strftime("%H:%M:%S")
    return moment.strftime(
        "%d %b %H:%M:%S" if moment.year == now.year else "%Y-%m-%d %H:%M:%S"
    ).replace(" ", "\u00a0", 1)


def ago(milliseconds: int) -> str:
    """Return how long ago a time is: `12 s ago`, `3 h ago`, `in 5 min`."""
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
