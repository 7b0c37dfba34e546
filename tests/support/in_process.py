"""A web process's application in this process, where its bounds can be made small."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from receiver.config.settings import load
from receiver.web import protocol
from receiver.web.app import build
from tests.support.eventually import eventually


@contextmanager
def serving(**environ: str) -> Iterator[int]:
    """Serve an application with this environment for the length of the block; its port."""
    server = uvicorn.Server(
        uvicorn.Config(
            build(load(environ)),
            http=protocol.Protocol,
            loop="uvloop",
            log_config=None,
            log_level="error",
            proxy_headers=False,  # as `serve` has it: what stands between hides the short way
        )
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        eventually(lambda: server.started)
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()
