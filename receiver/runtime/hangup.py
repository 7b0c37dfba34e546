"""SIGHUP: read the configuration anew; where it comes because the terminal is gone, end.

Both begin alike: a shell that is closed sends it too. So a process that had a terminal, and has
none any more when the signal comes, was left behind, and ends as by SIGTERM; unless it was started
with the signal ignored, as `nohup` does.
"""

import os
import queue
import signal
import threading
import time
from typing import Final

_SETTLES: Final = 0.2
"""Seconds in which a terminal that is closing has gone."""
_TERMINAL: Final = "/dev/tty"

_asked: "queue.SimpleQueue[None]" = queue.SimpleQueue()
_terminals: list[str] = []
"""The terminal that the process began with; empty where there was none, or it is to be survived."""


def listen() -> None:
    """Have SIGHUP ask for the configuration; call it in the main thread, early."""
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL and _has_terminal():
        _terminals.append(_TERMINAL)
    signal.signal(signal.SIGHUP, lambda *_: ask())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # whoever started us put it off


def ask() -> None:
    """Have `wait` return as for a SIGHUP; for whoever hears the signal in another way."""
    # A handler may interrupt itself: SimpleQueue.put is made for that, a lock would never open.
    _asked.put(None)


def put_off() -> None:
    """Have SIGHUP wait until this process listens; for between fork and exec."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})


def ignore() -> None:
    """Drop SIGHUP: the process that started this one hears it for all."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def wait(seconds: float) -> bool:
    """Wait for SIGHUP for so long. Returns whether it came; however often, it is one."""
    try:
        _asked.get(timeout=seconds)
    except queue.Empty:
        return False
    if left_behind():
        os.kill(os.getpid(), signal.SIGTERM)
    while not _asked.empty():
        _asked.get()
    return True


def left_behind() -> bool:
    """Return whether the terminal has gone that the process was started on; call it at SIGHUP."""
    if not _terminals:
        return False
    time.sleep(_SETTLES)
    return not _has_terminal()


def _has_terminal() -> bool:
    try:
        os.close(os.open(_TERMINAL, os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
