"""uvicorn for the console: one process, for the few people who look."""

import contextlib
import ctypes
import sys
from functools import partial
from typing import Final

import msgspec
import structlog
import uvicorn
from starlette.datastructures import State

from receiver.config.reload import FIELDS, Reload, Watch
from receiver.config.settings import Settings
from receiver.console import sessions
from receiver.console.app import create
from receiver.console.impatient import WITHIN, Impatient
from receiver.console.pages import ROUTES
from receiver.console.protocol import Protocol
from receiver.runtime import redis_client
from receiver.runtime.redis_errors import DOWN

log = structlog.get_logger()


SWITCH: Final = 0.001
"""Seconds after which a thread lets another one go on, instead of 0.005: a page asks Redis a dozen
times, and after each answer waits for the live tail's thread, or the other way round."""
_ARENA_MAX: Final = -8
"""glibc, mallopt(3)."""


def _share_memory() -> None:
    """Have all threads share one arena of malloc, where it is glibc's. With its own each keeps what
    it once needed, and only one of them runs Python at a time.
    """
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(_ARENA_MAX, 1)


def _take(state: State, new: Settings) -> None:
    """Have the pages go by what `receiver.toml` says now, and by the console's own address."""
    said = {field: getattr(new, field) for field in FIELDS}
    state.settings = msgspec.structs.replace(state.settings, **said)


def serve(settings: Settings, web: str, reload: Reload) -> None:
    """Serve the console on its host and port until a signal. `settings.redis_url` is set; `web` is
    where the web process listens; `reload` takes a changed `receiver.toml`.
    """
    _share_memory()
    sys.setswitchinterval(SWITCH)
    client = redis_client.client(settings.redis_url or "", timeout=WITHIN, kind=Impatient)
    app = create(settings, client, ROUTES, web)
    Watch(reload, partial(_take, app.state)).start()
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=Protocol,
        ws="none",
        lifespan="on",
        access_log=False,  # it would print the links' tokens
        log_config=None,
        log_level="error",
        proxy_headers=False,  # whom a proxy may speak for is said by RECEIVER_CONSOLE_PROXY
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    with contextlib.suppress(*DOWN):  # links then say the port that one would take by itself
        sessions.say_port(client, settings.port)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    log.info("console.starts", url=settings.console_url or f"http://{host}:{settings.port}")
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it once all is closed
        uvicorn.Server(config).run()
