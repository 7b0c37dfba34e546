"""What `python -m MODULE` does, in a process that was forked."""

import atexit
import contextlib
import ctypes
import fcntl
import gc
import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

_AWAY = 500
"""A number of a descriptor that no program is told to keep."""


def run(
    streams: Sequence[int],
    arguments: list[str],
    cwd: str,
    env: dict[str, str],
    group: int,
    kept: Sequence[int],
    before: Callable[[], object] | None = None,
) -> NoReturn:
    """Become that program: the descriptors of its standard streams and of those it keeps, the
    numbers that these have in it, and what `Popen` is given.
    """
    status = 1
    try:
        gc.freeze()  # what has been here keeps its descriptors, which are closed now, for ever
        _open(streams, kept)
        os.setpgid(0, group)
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(env)
        _show([sys.executable, *arguments], env)
        time.tzset()
        _forget_handlers()
        if before:
            before()
        if arguments[0] != "-P" and not env.get("PYTHONSAFEPATH"):
            sys.path.insert(0, os.getcwd())
        sys.argv = arguments[arguments.index("-m") + 1 :]
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - as long as the process
        sys.stdout.reconfigure(line_buffering=os.isatty(1))  # type: ignore[union-attr]
        status = _status(sys.argv[0])
    except BaseException as error:  # noqa: BLE001 - nobody else tells of it
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        os._exit(status)


def _forget_handlers() -> None:
    """Do at signals what an interpreter does that has just begun: who has forked this may have
    handlers of its own.
    """
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _open(streams: Sequence[int], kept: Sequence[int]) -> None:
    """Have these open under their numbers, and nothing else."""
    for number, stream in enumerate(streams[:3]):
        os.dup2(stream, number)
    away = [fcntl.fcntl(stream, fcntl.F_DUPFD, _AWAY) for stream in streams[3:]]
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in away:
            with contextlib.suppress(OSError):
                os.close(int(name))
    for stream, number in zip(away, kept, strict=True):
        os.dup2(stream, number)
        os.close(stream)


def _show(command: list[str], env: dict[str, str]) -> None:
    """Have /proc show the command and environment, as far as there is room where the old ones are.

    proc(5): arg_start, arg_end, env_start, env_end are the fields 48 to 51; the state is the third.
    """
    fields = Path("/proc/self/stat").read_bytes().rpartition(b") ")[2].split()
    words = [os.fsencode(word) for word in command]
    named = [os.fsencode(f"{name}={value}") for name, value in env.items()]
    for place, shown in ((45, words), (47, named)):
        start, end = int(fields[place]), int(fields[place + 1])
        text = b"\0".join(shown)[: end - start - 1]
        ctypes.memmove(start, text.ljust(end - start, b"\0"), end - start)


def _status(module: str) -> int:
    """Run the module, and end as an interpreter does. Returns the exit status."""
    status = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else bool(error.code)
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
    except BaseException as error:  # noqa: BLE001 - an interpreter tells of each
        sys.excepthook(type(error), error, error.__traceback__)
        status = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    if status == -signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    return status & 0xFF
