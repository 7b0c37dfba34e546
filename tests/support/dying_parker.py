"""Runs a parker that is killed: `python -m tests.support.dying_parker POINT`."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from receiver.config.settings import load
from receiver.runtime import redis_client
from workers.parking.parked_files import ParkedFiles
from workers.parking.parker import Parker
from workers.parking.sink_parking import SinkParking

POINTS = (
    "in the middle of a block",
    "before the script that parks",
    "after the script that parks",
    "before the script that returns",
    "after the script that returns",
    "after the files went",
)


def _die(*_: Any, **__: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def _before(kind: type, name: str) -> None:
    setattr(kind, name, _die)


def _after(kind: type, name: str, when: Callable[..., bool] = lambda *_: True) -> None:
    method = getattr(kind, name)

    def dying(self: Any, *arguments: Any, **more: Any) -> Any:
        result = method(self, *arguments, **more)
        return _die() if when(*arguments) else result

    setattr(kind, name, dying)


def arm(point: str) -> None:
    """Have this process killed when it gets there."""
    if point == POINTS[0]:
        pwrite = os.pwrite

        def half(file: int, data: Any, at: int) -> Any:
            pwrite(file, data[: len(data) // 2], at)
            _die()

        os.pwrite = half
    elif point == POINTS[1]:
        _before(SinkParking, "_leave")
    elif point == POINTS[2]:
        _after(SinkParking, "_leave")
    elif point == POINTS[3]:
        _before(SinkParking, "_give")
    elif point == POINTS[4]:
        _after(SinkParking, "_give")
    else:
        _after(ParkedFiles, "drop", lambda number: number > 0)


if __name__ == "__main__":
    arm(sys.argv[1])
    settings = load(os.environ)
    Parker(redis_client.client(settings.redis_url or ""), settings).run(lambda _: False)
