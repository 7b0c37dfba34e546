"""The contenders: how each is started, what it is asked, and how many notifications it holds."""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import redis

from benchmarks import notifications
from benchmarks.load import Target, acknowledged
from benchmarks.processes import (
    Fsync,
    Process,
    Server,
    free_port,
    python,
    running,
    scratch,
    until,
    valkey,
)
from receiver.contract.redis_keys import INBOUND

HERE: Final = Path(__file__).resolve().parent
PEER: Final = HERE / "fastify-bullmq"


@dataclass(frozen=True)
class Contender:
    """One of those that are compared."""

    letter: str
    name: str
    command: Callable[[Server, int, Path], list[str]]
    """(its Valkey, the port to listen on, a scratch directory) -> what to run."""
    stored: Callable[["redis.Redis"], int] | None = None
    """How many notifications its Valkey holds; None: it keeps nothing."""
    fsync: Fsync = "always"
    method: str = "POST"
    path: str = ""
    """Where it takes notifications of every kind; empty: on the route of the kind."""
    needs: Callable[[], str | None] = lambda: None
    """What is missing on this machine to run it, or None."""

    @property
    def title(self) -> str:
        """Return what tables and charts call it."""
        return f"({self.letter}) {self.name}"


@dataclass(frozen=True)
class Running:
    """A contender that answers."""

    target: Target
    server: Server
    process: Process


@contextlib.contextmanager
def web_process(
    contender: Contender,
    server: Server,
    more: Mapping[str, str] | None = None,
    kind: str = "message",
) -> Iterator[Running]:
    """Run the contender's web process on a given Valkey; it has answered a notification."""
    port = free_port()
    environ = {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "REDIS_URL": server.url,
        "RECEIVER_BEARER_TOKENS": notifications.TOKEN,
        "NODE_ENV": "production",
        **(more or {}),
    }
    with scratch() as directory:
        command = contender.command(server, port, directory)
        with running(command, environ) as process:
            path = contender.path or notifications.KINDS[kind].path
            target = Target(port, contender.method, path, kind=kind)
            until(lambda: acknowledged(target, 0), process)
            yield Running(target, server, process)


@contextlib.contextmanager
def fresh(contender: Contender, kind: str = "message") -> Iterator[Running]:
    """Run the contender alone on an empty Valkey of its own."""
    with valkey(contender.fsync) as server, web_process(contender, server, kind=kind) as started:
        yield started


def present(letters: Sequence[str] = ()) -> tuple[list[Contender], dict[str, str]]:
    """Return those of the given letters (none: all) that run here, and why the others do not."""
    chosen = [each for each in ALL if not letters or each.letter in letters]
    missing = {each.title: why for each in chosen if (why := each.needs())}
    return [each for each in chosen if each.title not in missing], missing


def _uvicorn(app: str, *more: str) -> Callable[[Server, int, Path], list[str]]:
    def command(_server: Server, port: int, _directory: Path) -> list[str]:
        flags = ("--port", str(port), "--loop", "uvloop", "--http", "httptools")
        quiet = ("--no-access-log", "--log-level", "warning")
        return python("-m", "uvicorn", app, *more, *flags, *quiet)

    return command


def _webdis(server: Server, port: int, directory: Path) -> list[str]:
    """Return its command, with its packaged configuration except for where things are."""
    config = directory / "webdis.json"
    settings = {
        "redis_host": "127.0.0.1",
        "redis_port": server.port,
        "http_host": "127.0.0.1",
        "http_port": port,
        "threads": 2,
        "daemonize": False,
        "verbosity": 0,
        "logfile": str(directory / "webdis.log"),
    }
    config.write_text(json.dumps(settings), "utf-8")
    return ["webdis", str(config)]


def _needs_webdis() -> str | None:
    return None if shutil.which("webdis") else "webdis is not installed"


def _needs_node() -> str | None:
    """Install the packages at the first call, from the lock file; return why that failed."""
    if not (shutil.which("node") and shutil.which("npm")):
        return "node and npm are not installed"
    if not (PEER / "node_modules").is_dir():
        # Not `npm ci`: it takes optional packages of other systems for missing where the lock file
        # names no registry. What is installed is what the lock file pins, either way.
        command = ["npm", "install", "--no-save", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=PEER, capture_output=True, text=True)
        if done.returncode:
            return f"npm install failed: {done.stderr.strip().splitlines()[-1]}"
    return None


def _ours(_server: Server, _port: int, _directory: Path) -> list[str]:
    return python("-m", "receiver", "web")


def _node(_server: Server, _port: int, _directory: Path) -> list[str]:
    return ["node", str(PEER / "server.mjs")]


def _entries(key: str) -> Callable[["redis.Redis"], int]:
    return lambda client: int(client.xlen(key))


def _jobs(key: str) -> Callable[["redis.Redis"], int]:
    return lambda client: int(client.llen(key))


EMPTY: Final = Contender(
    "a",
    "empty Starlette endpoint",
    _uvicorn("benchmarks.contenders.empty:app"),
    path="/att/sms/mo",
)
TEXTBOOK: Final = Contender(
    "b",
    "Starlette + RQ per request",
    _uvicorn("benchmarks.contenders.textbook:app", "--factory"),
    _jobs("rq:queue:notifications"),
    path="/att/sms/mo",
)
BULLMQ: Final = Contender(
    "c", "Fastify + BullMQ", _node, _jobs("bull:notifications:wait"), needs=_needs_node
)
BULLMQ_EVERYSEC: Final = replace(
    BULLMQ, letter="c'", name="Fastify + BullMQ, AOF everysec", fsync="everysec"
)
WEBDIS: Final = Contender(
    "d",
    "webdis, XADD",
    _webdis,
    _entries("notifications"),
    method="PUT",
    path="/XADD/notifications/*/n",
    needs=_needs_webdis,
)
OURS: Final = Contender("e", "ours, AOF always", _ours, _entries(INBOUND))
OURS_EVERYSEC: Final = replace(OURS, letter="f", name="ours, AOF everysec", fsync="everysec")

ALL: Final = (EMPTY, TEXTBOOK, BULLMQ, BULLMQ_EVERYSEC, WEBDIS, OURS, OURS_EVERYSEC)
