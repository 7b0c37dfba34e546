"""Signing in and out."""

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from receiver.console import render, sessions
from receiver.console.app import UNDONE, Page, cookie_of
from receiver.contract.redis_keys import CONSOLE_SESSION_SECONDS


def show(request: Request) -> Response:
    """Sign in by a link that a person opened, else show what signs in.

    A preview of the link, in a chat for example, must not use it up: such a request has another
    `Sec-Fetch-Site` or `Sec-Fetch-Dest`, or none. Nor must a browser that fetches a page before
    somebody goes there, which says so in `Sec-Purpose`.
    """
    token, said = request.query_params.get("token", ""), request.headers
    opened = (said.get("sec-fetch-site"), said.get("sec-fetch-dest")) == ("none", "document")
    early = request.method != "GET" or "sec-purpose" in said or "purpose" in said
    if token and opened and not early:
        return _sign_in(request, token)
    undone = UNDONE in request.cookies
    values = {"token": token, "used": False, "undone": undone}
    response = render.page(request, "login.html", values)
    if undone:
        response.delete_cookie(UNDONE)
    return response


def sign_in(request: Request) -> Response:
    """Sign in by the button of the page."""
    return _sign_in(request, request.state.form.get("token", ""))


def sign_out(request: Request) -> Response:
    """End the session."""
    token = request.cookies.get(cookie_of(request), "")
    request.app.state.sessions.pop(token, None)  # nor while Redis is gone
    sessions.end(request.app.state.redis, token)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(cookie_of(request))
    return response


def _sign_in(request: Request, token: str) -> Response:
    found = sessions.use_link(request.app.state.redis, token)
    if found is None:
        values = {"token": "", "used": bool(token), "undone": False}
        return render.page(request, "login.html", values, 403)
    link, name = found
    response = RedirectResponse(link.then, 303)
    response.set_cookie(
        cookie_of(request),
        name,
        max_age=CONSOLE_SESSION_SECONDS,
        httponly=True,
        samesite="lax",
        secure=request.app.state.settings.console_url.startswith("https:"),
    )
    return response


ROUTES: Final = [
    Page("/login", show, "anyone"),
    Page("/login", sign_in, "anyone", ["POST"]),
    Page("/logout", sign_out, "viewer", ["POST"]),
]
