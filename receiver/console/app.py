"""The console's application: its pages, each with the role that it needs."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import redis
from anyio import CapacityLimiter
from anyio.to_thread import current_default_thread_limiter, run_sync
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import State
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from receiver.config.settings import Settings
from receiver.console import error_pages, mask, proxy, render, sessions
from receiver.console.forms import NotDone, fields
from receiver.console.guard import SAFE, Guard
from receiver.console.sessions import Role
from receiver.console.tasks import Tasks
from receiver.operations import web_address
from receiver.runtime.redis_errors import DOWN

COOKIE: Final = "receiver-console"
"""The session's, at the usual port."""
USUAL_PORT: Final = 8090
UNDONE: Final = f"{COOKIE}-undone"
"""A cookie of a minute: the sign-in is to say that a form was not taken."""
SESSIONS_REMEMBERED: Final = 1_000
"""For while Redis is gone: the overview then shows the last numbers there were."""

THREADS: Final = 8
SLOW: Final = 2
"""Threads besides those for what takes seconds."""
_T = TypeVar("_T")

Endpoint = Callable[[Request], Any]
"""Returns a `Response`, as a coroutine or from a thread. Of a POST it has the form's fields as
`request.state.form`."""


class Page(Route):
    """A route with the role that it needs; `anyone` needs no session."""

    def __init__(
        self,
        path: str,
        endpoint: Endpoint,
        role: Role | Literal["anyone"],
        methods: Sequence[str] = ("GET",),
    ) -> None:
        self.role = role
        super().__init__(path, _checked(endpoint, role), methods=list(methods))


def create(settings: Settings, client: redis.Redis, routes: Sequence[BaseRoute], web: str) -> Guard:
    """Return the whole application on `routes`, behind its guard. `settings` have the console's own
    host and port; `web` is the URL of the web process, empty where nobody named it.
    """
    static = _Static(directory=Path(__file__).parent / "static")
    app = Starlette(
        routes=[*routes, Mount("/static", static)],
        exception_handlers={
            404: _not_found,
            405: _not_found,
            500: error_pages.fault,
            NotDone: error_pages.not_done,
        }
        | dict.fromkeys(DOWN, error_pages.redis_is_gone),
        lifespan=_few_threads,
        middleware=[Middleware(GZipMiddleware, compresslevel=5)],
    )
    app.state.settings = settings
    app.state.redis = client
    app.state.web = web.rstrip("/")
    app.state.said_web = f"http://127.0.0.1:{web_address.USUAL}"
    app.state.templates = render.environment()
    app.state.masks = app.state.live = app.state.overview = None  # each is made when it is wanted
    app.state.sessions = {}
    app.state.tasks = Tasks()
    app.state.charts = {}
    return Guard(app, app.state, settings.port, settings.console_url)


class _Static(StaticFiles):
    """Files that a browser keeps, and asks each time whether they have changed."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "no-cache"
        return response


@asynccontextmanager
async def _few_threads(app: Starlette) -> AsyncIterator[None]:
    """Read Redis in a few threads: each keeps memory of its own."""
    current_default_thread_limiter().total_tokens = THREADS
    app.state.slow = CapacityLimiter(SLOW)
    yield


async def slowly(request: Request, work: Callable[..., _T], *args: Any) -> _T:
    """Run work that may take seconds in a thread. So few run at a time that threads are left for
    the other pages.
    """
    slow: CapacityLimiter = request.app.state.slow
    return await run_sync(partial(work, *args), limiter=slow)


def masks_of(request: Request, *, revealed: bool = False) -> mask.Masks:
    """Return the masks of this installation, or such as hide nothing. Raises `redis.RedisError`."""
    if revealed:
        return mask.Unmasked()
    state = request.app.state
    if state.masks is None:
        state.masks = mask.masks(state.redis)
    found: mask.Masks = state.masks
    return found


def web_of(state: State) -> str:
    """Return the URL of the web process: the one that was named, else where one said that it is."""
    if state.web:
        return str(state.web)
    with suppress(*DOWN):
        state.said_web = web_address.said_url(state.redis)
    return str(state.said_web)


def tasks_of(request: Request) -> Tasks:
    """Return the tasks of this process."""
    found: Tasks = request.app.state.tasks
    return found


def _checked(endpoint: Endpoint, role: Role | Literal["anyone"]) -> Endpoint:
    is_async = iscoroutinefunction(endpoint)

    async def checked(request: Request) -> Response:
        if role != "anyone":
            session = await run_in_threadpool(session_of, request)
            if session is None:
                return _to_sign_in(request)
            request.state.session = session
            if not session.may(role):
                raise _not_for_viewers()
        if request.method == "POST":
            request.state.form = await fields(request)
        begun = endpoint(request) if is_async else run_in_threadpool(endpoint, request)
        response: Response = await begun
        return response

    return checked


def _to_sign_in(request: Request) -> Response:
    """Lead to the sign-in; what asks for a part of its page has the whole of it go there."""
    if render.is_part(request):
        return Response(status_code=204, headers={"hx-redirect": "/login"})
    response = RedirectResponse("/login", 303)
    if request.method not in SAFE and request.url.path != "/logout":
        response.set_cookie(UNDONE, "1", max_age=60, httponly=True, samesite="strict")
    return response


def _not_for_viewers() -> NotDone:
    sentence = (
        "You signed in as a viewer, who sees no personal data and changes nothing. An operator's "
        "link is made on the machine that runs the receiver:"
    )
    command = "receiver console link --role operator --as NAME"
    return NotDone(403, "Not for a viewer", sentence, command)


def cookie_of(request: Request) -> str:
    """Return the name of the session's cookie. A browser sends the cookies of a host to all of its
    ports: with one name, to sign in at a console would sign out of another one beside it.
    """
    port = request.url.port
    return COOKIE if port in (None, USUAL_PORT) else f"{COOKIE}-{port}"


def session_of(request: Request) -> sessions.Session | None:
    """Return who asks; while Redis is gone, who it was the last time."""
    state, token = request.app.state, request.cookies.get(cookie_of(request), "")[:64]
    if known := proxy.session(request, state.settings.console_proxy):
        return known
    try:
        found = sessions.find(state.redis, token)
    except DOWN:
        last: sessions.Session | None = state.sessions.get(token)
        if last is None or last.ends < time.time():
            raise
        return last
    if found:
        state.sessions[token] = found
    else:  # what somebody made up takes nobody's place
        state.sessions.pop(token, None)
    while len(state.sessions) > SESSIONS_REMEMBERED:
        state.sessions.pop(next(iter(state.sessions)))
    return found


def _not_found(request: Request, _: Exception) -> Response:
    why = NotDone(404, "No such page", "There is no page under this address.")
    with suppress(*DOWN):
        request.state.session = session_of(request)
    return error_pages.not_done(request, why)
