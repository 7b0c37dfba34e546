"""Run pytest in a forked process: what is imported once need not be imported for each mutant."""

import contextlib
import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

_IMPORTED = (
    *("click", "cloudevents.core.v1.event", "hypothesis.strategies", "msgspec"),
    *("phonenumbers", "prometheus_client", "pycurl", "redis.asyncio", "rq", "starlette.routing"),
    *("structlog", "urllib3", "uvicorn", "uvloop"),
)
_OPTIONS = (
    *("-q", "--color=no", "--tb=short", "-p", "no:cacheprovider", "-p", "no:schemathesis"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning", "--hypothesis-seed=0"),
)


class Run(NamedTuple):
    """One pytest under way."""

    pid: int
    answer: Path
    ends: float


def preload() -> None:
    """Import what the tests need of others, nothing of ours."""
    for name in _IMPORTED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def start(
    directory: Path,
    tests: list[str],
    plugins: list[Any],
    answer: Callable[[int], Any],
    seconds: float,
) -> Run:
    """Run the tests of the tree in `directory`; `answer(exit code)` is what `finished` returns."""
    file = directory / "answer.json"
    file.unlink(missing_ok=True)
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return Run(pid, file, time.monotonic() + seconds)
    try:
        os.setsid()
        _redirect(directory / "output.txt")
        code = _pytest(directory, tests, plugins)
        file.write_text(json.dumps(answer(code)))
    finally:
        os._exit(0)


def finished(run: Run) -> tuple[bool, Any]:
    """Whether it has ended, and its answer; None if it took too long or died."""
    ended, _ = os.waitpid(run.pid, os.WNOHANG)
    late = time.monotonic() > run.ends
    if not ended and not late:
        return False, None
    _end_session(run.pid)
    if not ended:
        os.waitpid(run.pid, 0)
    return True, json.loads(run.answer.read_text()) if run.answer.exists() else None


def _pytest(directory: Path, tests: list[str], plugins: list[Any]) -> int:
    for name in [name for name in sys.modules if name.split(".")[0] == "tests"]:
        del sys.modules[name]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(directory)
    sys.path.insert(0, str(directory))
    os.environ["PYTHONPATH"] = str(directory)
    return int(pytest.main([*_OPTIONS, *tests], plugins=plugins))


def _redirect(file: Path) -> None:
    output = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, to in ((0, nothing), (1, output), (2, output)):
        os.dup2(to, number)


def _end_session(session: int) -> None:
    """End what the tests started and a killed pytest left: everything of its session."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # proc(5): pid (command) state ppid pgrp session; the command may hold blanks.
            if int(stat.read_text().rpartition(") ")[2].split()[3]) == session:
                os.kill(int(stat.parent.name), signal.SIGKILL)
        except (OSError, ValueError):
            continue
