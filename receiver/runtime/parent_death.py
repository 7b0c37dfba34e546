"""No process of ours outlives its parent, not even one that was killed and could say nothing."""

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
    """A `preexec_fn` by which the child gets SIGTERM when the calling process ends, killed or not.

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
    """In a worker process of uvicorn: SIGTERM to ourselves when the process that started us ends.

    Without it the workers of a killed uvicorn go on serving and hold the port. In a process that
    `multiprocessing` has not started it does nothing.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), name="orphan", daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
