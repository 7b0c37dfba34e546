"""Ctrl-C while a program still imports what it needs: it ends with exit code 130 and no traceback.

Import this before all else; it counts until `over`, or until the program sets its own handler.
"""

import os
import signal
import threading


def over() -> None:
    """Have SIGINT raise `KeyboardInterrupt` again, unless the program has its own handler."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number: int, _: object) -> None:
    os._exit(128 + number)  # nothing has begun; and unlike SIG_DFL it ends a container's first too


if (
    threading.current_thread() is threading.main_thread()
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
):
    signal.signal(signal.SIGINT, _end)
