"""Running the commands as a user does: real processes, in a directory of their own."""

import atexit
import os
import pty
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.environ import ROOT as ROOT
from tests.support.environ import environment as environment
from tests.support.forked import Forked

RECEIVER = [sys.executable, "-P", "-m", "receiver"]
RQ_WORKER = [sys.executable, "-m", "rq.cli", "worker", "--serializer", "json"]


def run(
    cwd: Path, *arguments: str, stdin: str = "", **environ: str
) -> "subprocess.CompletedProcess[str]":
    """One command to its end."""
    return _ended([*RECEIVER, *arguments], cwd, stdin, environ)


def rq_burst(cwd: Path, url: str, *queues: str, **environ: str) -> str:
    """RQ's own worker takes what is in these queues, with functions from `cwd`. What it said."""
    done = _ended([*RQ_WORKER, "--burst", "--url", url, *queues], cwd, "", environ)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def _ended(
    command: list[str], cwd: Path, stdin: str, environ: dict[str, str]
) -> "subprocess.CompletedProcess[str]":
    with Forked(
        command,
        cwd=cwd,
        env=environment(**environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            out, err = process.communicate(stdin, timeout=120)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@contextmanager
def running(cwd: Path, *arguments: str, **environ: str) -> Iterator["subprocess.Popen[str]"]:
    """One command that goes on until the end of the block, where it is interrupted."""
    with Forked(
        [*RECEIVER, *arguments],
        cwd=cwd,
        env=environment(**environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            try:
                process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()  # or the end of the block would wait for it for ever
                raise


def on_a_terminal(cwd: Path, *arguments: str, **environ: str) -> str:
    """What a person sees."""
    code, seen = answered(cwd, "", *arguments, **environ)
    assert code == 0
    return seen


def answered(cwd: Path, typed: str, *arguments: str, **environ: str) -> tuple[int, str]:
    """The exit code, and what a person sees who types this."""
    ours, theirs = pty.openpty()
    with Forked(
        [*RECEIVER, *arguments],
        cwd=cwd,
        env=environment(COLUMNS="200", TERM="xterm", **environ),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        os.write(ours, typed.encode())
        seen = b""
        try:
            while chunk := os.read(ours, 65536):
                seen += chunk
        except OSError:
            pass  # the last one has closed it
        finally:
            os.close(ours)
        return process.wait(60), seen.decode()


def free_port() -> int:
    """A port that nobody listens on, and that nobody else is given before it is used.

    It stays bound here without listening, or between the choice and its use the system could give
    it to a test beside this one. A server that sets SO_REUSEADDR, as all do, can listen on it. The
    newest ports only: who waits with `select` can do so below 1,024 open files.
    """
    if len(_bound) == _bound.maxlen:
        _bound[0].close()
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", 0))
    _bound.append(bound)
    port: int = bound.getsockname()[1]
    return port


_bound: deque[socket.socket] = deque(maxlen=200)


@atexit.register
def _close_bound() -> None:
    """Or Python complains of each one at its end."""
    for bound in _bound:
        bound.close()


def has_ipv6() -> bool:
    """Whether this machine has a loopback of IPv6."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True
