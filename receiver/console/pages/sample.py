"""A sample that is sent through the web process, as a network would send it."""

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from receiver.config.settings import Settings
from receiver.console import audit, render
from receiver.console.app import Page
from receiver.console.own_token import own_token
from receiver.runtime.blocking_http import BlockingHttp, Unreachable
from receiver.simulate.samples import build

WITHIN: Final = 10.0
"""Seconds for the web process to answer."""


def send(request: Request) -> Response:
    """Send one text message and lead to the live tail; say why where that was not taken."""
    state = request.app.state
    audit.write(state.redis, request.state.session.name, "sample")
    status = _send(request)
    if status and 200 <= status < 300:
        return RedirectResponse("/live", 303)
    why = f"It answered {status}" if status else "Nothing answers there"
    values = {
        "title": "The sample was not taken",
        "sentence": f"The web process is expected at {state.web}. {why}; its log says more. "
        "receiver console --web names another address.",
    }
    return render.page(request, "message.html", values, 502)


def _send(request: Request) -> int:
    """Return the status of the answer; 0 where there is none."""
    state, sample = request.app.state, build("mo")
    settings: Settings = state.settings
    ending = f"/{settings.own_listener}" if settings.own_listener else ""
    http = BlockingHttp(timeout=WITHIN)
    try:
        with own_token(state.redis) as token:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": sample.content_type}
            address = f"{state.web}{sample.path}{ending}"
            return http.request("POST", address, headers.items(), sample.body).status
    except Unreachable:
        return 0
    finally:
        http.close()


ROUTES: Final = [Page("/sample", send, "operator", ["POST"])]
