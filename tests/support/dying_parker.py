"""Runs a parker that is killed: `python -m tests.support.dying_parker POINT`."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from receiver.config.settings import load
from receiver.runtime import redis_client
from tests.support.commands import environment
from tests.support.forked import Forked
from tests.support.valkey import Valkey
from workers.parking.erasing import Erasing
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
ERASING = (
    "before the file without a person's events is in its place",
    "after it is in its place",
    "before the answer",
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
    elif point == POINTS[5]:
        _after(ParkedFiles, "drop", lambda number: number > 0)
    elif point == ERASING[0]:
        _before(Path, "replace")
    elif point == ERASING[1]:
        _after(Path, "replace")
    else:
        _before(Erasing, "_answer")


@contextmanager
def dying(point: str, directory: Path, valkey: Valkey) -> Iterator[Forked]:
    """A parker in a process of its own, with the `receiver.toml` and the disk of a directory."""
    with Forked(
        [sys.executable, "-P", "-m", __name__, point],
        cwd=directory,
        env=environment(REDIS_URL=valkey.url, RECEIVER_PARK_DIR=str(directory / "disk")),
        stdin=subprocess.DEVNULL,
    ) as process:
        yield process


if __name__ == "__main__":
    arm(sys.argv[1])
    settings = load(os.environ)
    Parker(redis_client.client(settings.redis_url or ""), settings).run(lambda _: False)
