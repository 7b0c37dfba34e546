"""The console's pages for what could not be done: a fault of ours, or Redis."""

from contextlib import suppress
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from receiver.console import render
from receiver.console.forms import NotDone
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
_DOCTOR: Final = "receiver doctor"


def fault(request: Request, _: Exception) -> Response:
    """Answer 500 where the console itself is at fault."""
    return not_done(request, NotDone(500, "A fault of ours", "The console's log has its name."))


def not_done(request: Request, why: Any) -> Response:
    """Answer why something was not done."""
    values = {"title": why.title, "sentence": why.sentence, "command": why.command}
    return render.page(request, render.MESSAGE, values, why.status)


def _foreign(request: Request) -> NotDone:
    """Say which of our keys have another type, where a page reads such a one."""
    with suppress(*DOWN):
        wrong = [one.what for one in check_key_types(request.app.state.redis)]
        said = "; ".join(wrong) or "one of its keys has another type"
        sentence = f"This page cannot be read: {said}. What to do:"
        return NotDone(503, "Another program has written here", sentence, _DOCTOR)
    return NotDone(503, "Redis does not answer", "This page cannot be read.")


def _refused(error: Exception) -> NotDone:
    """Say that Redis answers, and does not do it: it is full, or a replica."""
    sentence = f"It answered: {message(error)[:300]} What to do:"
    return NotDone(503, "Redis refuses this", sentence, _DOCTOR)


def redis_is_gone(request: Request, error: Exception) -> Response:
    """Answer 503 where Redis does not answer, refuses, or has a key of another type."""
    if is_foreign(error):
        return not_done(request, _foreign(request))
    if is_refusal(error):
        return not_done(request, _refused(error))
    asks = request.method == "GET"
    sentence = _SHOWN if asks else _DONE
    response = not_done(request, NotDone(503, "Redis does not answer", sentence, _DOCTOR))
    if asks:
        response.headers["refresh"] = str(AGAIN)
    return response
