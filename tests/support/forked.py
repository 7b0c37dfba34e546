"""`python -P -m MODULE`, in a process forked from one that has imported everything already.

To start an interpreter and import takes a second of a core, and the suite does it hundreds of
times. What is started here runs the same module with the same arguments, environment and directory,
in a process group of its own, and ends, and is killed, as any other.
"""

import atexit
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import time
from functools import cache
from multiprocessing import reduction
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from tests.support.commands import ROOT, environment

_PRELOADED = [
    *("pytest", "receiver.cli.web", "receiver.web.server", "receiver.web.app"),
    *("workers.processes.supervisor", "workers.processes.worker_process"),
    "receiver.subscriptions.controller",
]
_INTERPRETER = ("PYTHON", "OTEL_", "LD_")
"""Beginnings of variables that are read when a program is loaded, not when it runs."""


class Forked(subprocess.Popen[bytes]):
    """A process with the methods of `Popen`."""

    _child_created = False  # by `Popen`, which has nothing to collect

    def __init__(self, arguments: list[str], cwd: Path, env: dict[str, str], log: Path) -> None:
        log.touch()  # who starts it may read the log at once
        ours, theirs = os.pipe()
        self._process = _context().Process(
            target=_run, args=(arguments, cwd, env, log, reduction.DupFd(ours)), daemon=True
        )
        self._process.start()
        os.close(ours)
        assert self._process.pid is not None
        self.args, self.pid = arguments, self._process.pid
        self.stdin = os.fdopen(theirs, "wb", buffering=0)
        self.stdout = self.stderr = None
        self.returncode: Any = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._process.exitcode
        found: int | None = self.returncode
        return found

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if (found := self.poll()) is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return found

    def communicate(self, input: Any = None, timeout: float | None = None) -> Any:  # noqa: A002
        assert self.stdin is not None
        self.stdin.close()
        self.wait(timeout)
        return None, None


def can_fork(command: list[str], env: dict[str, str]) -> bool:
    """Whether it is a module of ours, run as every test has it run."""
    usual = environment()
    return command[:3] == [sys.executable, "-P", "-m"] and not any(
        usual.get(name) != value for name, value in env.items() if name.startswith(_INTERPRETER)
    )


@cache
def _context() -> ForkServerContext:
    """The process that is forked; it has the warnings of the commands, which are errors."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    before = os.environ.copy()
    os.environ.update(environment())
    try:
        from multiprocessing import forkserver

        forkserver.ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(before)
    return context


def _run(arguments: list[str], cwd: Path, env: dict[str, str], log: Path, stdin: Any) -> None:
    """What `python -P -m` does, and its end."""
    os.setpgid(0, 0)
    multiprocessing.current_process().daemon = False  # or it might have no children
    os.dup2(stdin.detach(), 0)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.stdin = open(0)  # noqa: SIM115 - for as long as it lives
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    os.chdir(cwd)
    sys.path[:] = [str(ROOT), *(each for each in sys.path if each not in ("", str(ROOT)))]
    sys.argv = [arguments[0], *arguments[1:]]
    try:
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()
