"""The console's pages for what could not be done: a fault of ours, or Redis."""

from contextlib import suppress
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from receiver.console import render
from receiver.doctor.key_types import check_key_types
from receiver.runtime.redis_errors import DOWN, is_foreign, is_refusal, message

AGAIN: Final = 5
"""Seconds after which a page that Redis could not serve is asked for again."""
_SHOWN: Final = (
    "Nothing can be shown until it is back; notifications wait in the spool where there is one. "
    f"This page asks again every {AGAIN} seconds. What can be seen without it:"
)
_DONE: Final = (
    "It is not known whether what you asked for was done: once Redis is back, look before you ask "
    "for it again. What can be seen without it:"
)


def fault(request: Request, _: Exception) -> Response:
    """Answer 500 where the console itself is at fault."""
    values = {"title": "A fault of ours", "sentence": "The console's log has its name."}
    return render.page(request, "message.html", values, 500)


def not_done(request: Request, why: Any) -> Response:
    """Answer why something was not done."""
    values = {"title": why.title, "sentence": why.sentence}
    return render.page(request, "message.html", values, why.status)


def _foreign(request: Request) -> dict[str, str]:
    """Return what is said where a key that a page reads has another type: which are such."""
    with suppress(*DOWN):
        wrong = [one.what for one in check_key_types(request.app.state.redis)]
        said = "; ".join(wrong) or "one of its keys has another type"
        return {
            "title": "Another program has written here",
            "sentence": f"This page cannot be read: {said}. What to do:",
            "command": "receiver doctor",
        }
    return {"title": "Redis does not answer", "sentence": "This page cannot be read."}


def _refused(error: Exception) -> dict[str, str]:
    """Return what is said where Redis answers, and does not do it: it is full, or a replica."""
    return {
        "title": "Redis refuses this",
        "sentence": f"It answered: {message(error)[:300]} What to do:",
        "command": "receiver doctor",
    }


def redis_is_gone(request: Request, error: Exception) -> Response:
    """Answer 503 where Redis does not answer, refuses, or has a key of another type."""
    if is_foreign(error):
        return render.page(request, "message.html", _foreign(request), 503)
    if is_refusal(error):
        return render.page(request, "message.html", _refused(error), 503)
    asks = request.method == "GET"
    values = {
        "title": "Redis does not answer",
        "sentence": _SHOWN if asks else _DONE,
        "command": "receiver doctor",
    }
    response = render.page(request, "message.html", values, 503)
    if asks:
        response.headers["refresh"] = str(AGAIN)
    return response
