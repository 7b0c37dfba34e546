"""`Popen` of our own programs, forked from one that has imported everything already.

To start an interpreter and import takes a second of a core, and the suite does it thousands of
times. What is started here runs the same module with the same arguments, environment, directory
and process group, and ends, and is killed, as any other; the one that forks it is its parent.
"""

import atexit
import json
import os
import secrets
import select
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from tests.support import program
from tests.support.environ import ROOT, environment

_OURS = ("receiver", "workers", "tests", "rq")
_AT_START = ("PYTHON", "LD_", "LC_ALL", "LANG", "OTEL_PROPAGATORS")
"""Beginnings of variables that are read by an interpreter's start or an import."""
_ROOM = "-" * 1024
"""Place for what /proc shows of a command and, eight times, of an environment."""
_NUMBER = struct.Struct("!q")
_WAITING = {"MainThread", "config"}
"""Names of threads that hold nothing which what is forked beside them could wait for: the one that
forks, and the one that looks at the configuration now and then."""
_used: list[str] = []
"""The address of the server from which this process comes itself."""


class Forked(subprocess.Popen[Any]):
    """A process as `Popen` starts it, but forked where `can_fork` sees no difference."""

    _connection: socket.socket | None = None

    def _execute_child(self, *passed: Any) -> None:
        """Take the place of what `Popen` calls once it has made the pipes."""
        arguments, executable, preexec, _, kept, cwd, env, _, _, shell = passed[:10]
        new_session, group = passed[21:23]
        environ = dict(os.environ if env is None else env)
        # What is to run in the child is written for a child of this process, not of the server.
        here = bool(preexec and _used and _nobody_works_beside())
        special = executable or shell or new_session or (preexec and not here)
        if special or not can_fork(arguments, environ):
            super()._execute_child(*passed)  # type: ignore[misc]
            return
        request: dict[str, Any] = {
            "arguments": [os.fspath(one) for one in arguments[1:]],
            "cwd": os.fspath(cwd or os.getcwd()),
            "env": environ,
            "group": group if group >= 0 else os.getpgrp(),
            "kept": list(kept),
        }
        pipes = passed[10:16]
        given = zip((pipes[0], pipes[3], pipes[5]), range(3), strict=True)
        streams = [own if stream < 0 else stream for stream, own in given] + list(kept)
        if here:
            self.pid = os.fork()
            if not self.pid:
                program.run(streams, **request, before=preexec)
            self._child_created = True
        else:
            self.pid = self._asked_for(request, streams)
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]

    def _asked_for(self, request: dict[str, Any], streams: list[int]) -> int:
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(f"\0{server()}")  # an abstract address, which needs no file
        body = json.dumps(request).encode()
        socket.send_fds(self._connection, [_NUMBER.pack(len(body))], streams)
        self._connection.sendall(body)
        return self._number()

    def poll(self) -> int | None:
        if self._connection is None:
            return super().poll()
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        if self._connection is None:
            return super().wait(timeout)
        if (status := self._ended(timeout)) is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return status

    def _ended(self, timeout: float | None) -> int | None:
        assert self._connection
        if self.returncode is None and select.select([self._connection], [], [], timeout)[0]:
            self.returncode = self._number()
            self._connection.close()
        found: int | None = self.returncode
        return found

    def _number(self) -> int:
        assert self._connection
        number: int = _NUMBER.unpack(self._connection.recv(_NUMBER.size))[0]
        return number


def can_fork(arguments: Sequence[Any], env: Mapping[str, str]) -> bool:
    """Whether it is a module of ours, or RQ, run by an interpreter as every test has it."""
    usual = environment()
    names = {name for name in (*env, *usual) if name.startswith(_AT_START)} - {"PYTHONSAFEPATH"}
    python = [word for word in arguments[:4] if word != "-P"]
    return (
        python[:2] == [sys.executable, "-m"]
        and python[2].partition(".")[0] in _OURS
        and all(usual.get(name) == env.get(name) for name in names)
    )


def _nobody_works_beside() -> bool:
    return {thread.name for thread in threading.enumerate()} <= _WAITING


def use(address: str) -> None:
    """Have what this process starts forked by a server, and so on for what that starts."""
    _used[:] = [address]
    vars(subprocess)["Popen"] = Forked


@cache
def _start_server() -> str:
    address = f"receiver-tests-{os.getpid()}-{secrets.token_hex(4)}"
    server = subprocess.Popen(
        [sys.executable, "-P", "-m", "tests.support.fork_server", address, _ROOM],
        cwd=ROOT,
        env=environment(ROOM=8 * _ROOM),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    atexit.register(server.communicate)
    assert server.stdout
    assert server.stdout.readline() == b"ready\n"
    return address


def server() -> str:
    """The address of the server, which is started if there is none."""
    return _used[0] if _used else _start_server()


if __name__ == "__main__":  # `python -S -P -m tests.support.forked ADDRESS MODULE ...`
    use(sys.argv[1])
    sys.exit(Forked([sys.executable, "-P", "-m", *sys.argv[2:]]).wait())
