"""SIGTERM to a command: it ends as at Ctrl-C, with what it has to say of what it did so far.

So a service manager, a container's runtime and `timeout` cost no report. To whoever waits for the
process it has ended by the signal, as before.
"""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from typing import NoReturn

import click


class Terminated(KeyboardInterrupt):
    """Raised by SIGTERM."""


@contextlib.contextmanager
def interrupts() -> Iterator[None]:
    """Have SIGTERM raise `Terminated` in the block, unless whoever started us has it ignored."""
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    finally:
        leave()


def leave() -> None:
    """Have SIGTERM do what it did before: for a process that handles it itself, or need not."""
    if signal.getsignal(signal.SIGTERM) is _raise:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def end() -> NoReturn:
    """End the process as SIGTERM does; call it when all is said."""
    with contextlib.suppress(OSError, click.ClickException):  # nobody reads
        sys.stdout.flush()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.raise_signal(signal.SIGTERM)
    raise SystemExit(128 + signal.SIGTERM)  # the first process of a container outlives the signal


def _raise(number: int, _frame: object) -> None:
    signal.signal(number, signal.SIG_IGN)  # `timeout` sends it twice: the report is to come out
    raise Terminated
