"""uvicorn, configured for carriers' traffic and for stopping by signals.

The first SIGTERM or SIGINT stops gracefully: no new connections, and every request in flight gets
its response. The same signal again ends everything at once; what was acknowledged is durable by
then, so nothing is lost either. (uvicorn itself handles only a second SIGINT, and its supervisor
none.)
"""

import contextlib
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any, Final

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from receiver.config.reload import Reload
from receiver.config.settings import Settings
from receiver.runtime import stop_flag
from receiver.web import open_files
from receiver.web.processes import Processes
from receiver.web.protocol import CONNECTIONS, Protocol

FINISH_WITHIN: Final = 5
"""Seconds for what is in flight; then it is answered 503. Together with the intake's end, and a
Redis that hangs, well below the ten that an operator waits."""
IDLE_WITHIN: Final = 920
"""Seconds a connection may idle between two requests: longer than any usual balancer lets it (600
at Google Cloud, 900 at Cloudflare), for that one has to close it. A request that crosses with our
closing would be a 502 for the carrier. (docs/deploying.md has the list.)"""
_ENDING: Final = (signal.SIGTERM, signal.SIGINT)


def serve(settings: Settings) -> None:
    """Serve until a signal. Ends the process with `STARTUP_FAILURE` when it cannot start."""
    open_files.raise_limit(CONNECTIONS)
    config = _config(settings)
    if settings.web_concurrency > 1:
        reload = Reload(os.environ, quiet=True)
        processes = Processes(config, [config.bind_socket()], reload)
        processes.run()
        if processes.failed:
            sys.exit(STARTUP_FAILURE)
        return
    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def _config(settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        "receiver.web.app:create",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.web_concurrency,
        loop="uvloop",
        http=Protocol,
        ws="none",
        lifespan="on",
        access_log=False,  # it would print access_token
        log_config=None,
        log_level="error",  # it warns of every malformed request, whoever sends it
        proxy_headers=False,  # nobody asks for the sender's address
        backlog=2048,
        timeout_keep_alive=IDLE_WITHIN,
        timeout_graceful_shutdown=FINISH_WITHIN,
        server_header=False,
    )


def end_at_the_second_signal() -> None:
    """Have the second signal of a kind end this serving process; call it once uvicorn has its
    handlers.
    """
    if threading.current_thread() is threading.main_thread():
        for number in _ENDING:
            signal.signal(number, _Twice(signal.getsignal(number)))


class _Twice:
    """A handler for one signal: first the one that was there, then the end."""

    def __init__(self, first: Any) -> None:
        self._first = first

    def __call__(self, number: int, frame: FrameType | None) -> None:
        stop_flag.end_at_the_next(number)
        if callable(self._first):
            self._first(number, frame)
        else:
            os.kill(os.getpid(), number)
