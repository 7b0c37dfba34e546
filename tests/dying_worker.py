"""A normalise worker killed at a chosen point: `python -m tests.dying_worker POINT SLOT`."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from receiver.settings import load
from workers import process
from workers.normalise import Normaliser

POINTS = ("after the read", "before the script", "after the script", "before the job ends")


def _die(*_: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def _after(method: Callable[..., Any]) -> Callable[..., Any]:
    def dying(*arguments: Any) -> Any:
        if method(*arguments) or method.__name__ == "_publish":
            _die()

    return dying


def arm(point: str) -> None:
    """Have this process killed when it gets there."""
    if point == "after the read":
        Normaliser._read = _after(Normaliser._read)  # type: ignore[method-assign]
    elif point == "before the script":
        Normaliser._publish = _die  # type: ignore[method-assign, assignment]
    elif point == "after the script":
        Normaliser._publish = _after(Normaliser._publish)  # type: ignore[method-assign]
    else:
        run = Normaliser.run

        def run_and_die(self: Normaliser) -> None:
            run(self)
            _die()

        Normaliser.run = run_and_die  # type: ignore[method-assign]


if __name__ == "__main__":
    arm(sys.argv[1])
    settings = load(os.environ)
    sys.exit(process.normalise(settings, settings.redis_url or "", sys.argv[2]))
