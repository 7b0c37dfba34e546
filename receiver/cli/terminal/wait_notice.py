"""Says on stderr what a command waits for."""

from collections.abc import Callable

from receiver.cli.terminal import output

_NO_DIGITS = str.maketrans("", "", "0123456789")


class WaitNotice:
    """Print what is waited for, each reason once; `each` is called whenever there is one."""

    def __init__(self, each: Callable[[], None] = lambda: None) -> None:
        self._each = each
        self._last = ""

    def __call__(self, why: str) -> None:
        """Print a reason, unless it is the last one with other numbers."""
        kind = why.translate(_NO_DIGITS)
        if kind != self._last:
            output.say(f"waiting: {why}")
        self._last = kind
        self._each()
