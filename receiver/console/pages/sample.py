"""A sample that is sent through the web process, as a network would send it."""

from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from receiver.config.settings import Settings
from receiver.console import audit
from receiver.console.app import Page, slowly, web_of
from receiver.console.forms import NotDone
from receiver.console.own_token import own_token
from receiver.runtime.blocking_http import BlockingHttp, Unreachable
from receiver.simulate.samples import build

WITHIN: Final = 10.0
"""Seconds for the web process to answer."""


async def send(request: Request) -> Response:
    """Send one text message and lead to the live tail; say why where that was not taken."""
    return await slowly(request, _sent, request)


def _sent(request: Request) -> Response:
    audit.record(request, "sample")
    status, receipt = _send(request)
    if 200 <= status < 300:
        return RedirectResponse(f"/live?since=start&sent={quote(receipt)}", 303)
    why = f"It answered {status}" if status else "Nothing answers there"
    sentence = (
        f"The web process is expected at {web_of(request.app.state)}. {why}; its log says more. "
        "receiver console --web names another address."
    )
    raise NotDone(502, "The sample was not taken", sentence)


def _send(request: Request) -> tuple[int, str]:
    """Return the status of the answer and the receipt in it; 0 where there is no answer."""
    state = request.app.state
    settings: Settings = state.settings
    ending = f"/{settings.own_listener}" if settings.own_listener else ""
    sample = build("mo", settings.place(settings.own_listener or "default")[0])
    http = BlockingHttp(timeout=WITHIN)
    try:
        with own_token(state.redis) as token:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": sample.content_type}
            address = f"{web_of(state)}{sample.path}{ending}"
            answer = http.request("POST", address, headers.items(), sample.body)
            return answer.status, answer.headers.get("x-receipt-id", "")
    except Unreachable:
        return 0, ""
    finally:
        http.close()


ROUTES: Final = [Page("/sample", send, "operator", ["POST"])]
