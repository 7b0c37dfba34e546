"""A flag that asks a process to stop: set by signals, and by the end of who started it."""

import os
import queue
import signal
import threading
from typing import Final

_ENDS_WITHIN: Final = 10.0
"""Seconds for what has begun, once nobody is left to report to."""


def on_signals(*, ends_at_second: bool = False) -> threading.Event:
    """Return a flag that SIGTERM and SIGINT set; call it in the main thread.

    `ends_at_second`: the second of either ends the process at once.
    """
    stop = threading.Event()
    asked: queue.SimpleQueue[None] = queue.SimpleQueue()

    def ask(number: int, _: object) -> None:
        if ends_at_second:
            end_at_the_next(number)
        # Not `stop.set`: a handler may interrupt itself, or the flag's own `wait`, and would wait
        # for ever for the lock that its thread holds. SimpleQueue.put is made for that.
        asked.put(None)

    def pass_on() -> None:
        asked.get()
        stop.set()

    threading.Thread(target=pass_on, name="stop", daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    return stop


def end_at_the_next(number: int) -> None:
    """Have the next signal of this number end the process at once, however busy it is.

    The kernel spares the first process of a container (PID 1) from signals without a handler.
    """
    signal.signal(number, signal.SIG_DFL if os.getpid() != 1 else _end)


def of_child() -> threading.Event:
    """Return a flag that SIGTERM, SIGINT and the end of our parent process set: standard input is a
    pipe from it, and ends with it.
    """
    stop = on_signals()
    threading.Thread(target=_stop_at_end_of_input, args=(stop,), daemon=True).start()
    return stop


def _stop_at_end_of_input(stop: threading.Event) -> None:
    while os.read(0, 4096):
        pass
    stop.set()
    threading.Event().wait(_ENDS_WITHIN)
    os._exit(1)  # a job that still runs has nobody left to report to


def _end(number: int, _: object) -> None:
    os._exit(128 + number)
