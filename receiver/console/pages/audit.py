"""The audit trail: who did what."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from receiver.console import audit, render
from receiver.console.app import Page
from receiver.console.forms import entry_id

ROWS: Final = 50


def show(request: Request) -> Response:
    """Show the newest actions, or those before an id."""
    before = entry_id(request.query_params.get("before", ""))
    rows = audit.newest(request.app.state.redis, before, ROWS)
    older = rows[-1][0] if len(rows) == ROWS else ""
    return render.page(request, "audit.html", {"rows": rows, "older": older})


ROUTES: Final = [Page("/audit", show, "operator")]
