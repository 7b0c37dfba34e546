"""Ending child processes with their parent, also when the parent was killed."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.process import BaseProcess

_PR_SET_PDEATHSIG = 1
"""Linux, prctl(2): the signal this process gets when the thread that started it ends."""
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def bound() -> Callable[[], None]:
    """Return a `preexec_fn` that has the kernel send the child SIGTERM when the calling process
    ends.

    Call it, and start the child, from the main thread: the kernel watches the starting thread.
    Where there is no such signal (macOS) it does nothing.
    """
    parent = os.getpid()

    def bind() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it ended before we asked
            os.kill(os.getpid(), signal.SIGTERM)

    return bind


def watch() -> None:
    """Send SIGTERM to this uvicorn worker process when the process that started it ends.

    Without it the workers of a killed uvicorn go on serving and hold the port. In a process that
    `multiprocessing` has not started it does nothing.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), name="orphan", daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
