"""`receiver poll` in a hurry, killed at a chosen point: `python -m tests.support.dying_poll POINT`.

Points are `before` or `after` one of `POINTS`, and `in body`, when some of it has been written.
Without a point it goes on until it is told to stop.
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, NoReturn

from receiver.config.settings import load
from receiver.intake.inbound_writer import Inbound
from receiver.polling.gateway import Gateway
from receiver.polling.page_file import PageFile
from receiver.polling.process import Process
from receiver.polling.store import Store
from receiver.runtime import logs
from tests.support.polling import FAST

POINTS: dict[str, tuple[Any, str]] = {
    "stream": (Gateway, "stream"),
    "head": (PageFile, "begin"),
    "body": (PageFile, "finish"),
    "append": (Inbound, "append"),
    "count": (Store, "count"),
    "remove": (PageFile, "remove"),
}
PART_OF_A_BODY = 200


def kill() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def patched(point: str, die: Callable[[], NoReturn]) -> tuple[Any, str, Any]:
    """What to set so that `die` is called at a point: owner, attribute, value."""
    when, _, name = point.partition(" ")
    if when == "in":
        return PageFile, "write", _writing(PageFile.write, die)
    owner, attribute = POINTS[name]
    method: Callable[..., Any] = getattr(owner, attribute)

    async def dying(*arguments: Any, **more: Any) -> Any:
        if when == "before":
            die()
        await method(*arguments, **more)
        die()

    def dying_at_once(*arguments: Any, **more: Any) -> Any:
        if when == "before":
            die()
        method(*arguments, **more)
        die()

    waits = asyncio.iscoroutinefunction(method)
    return owner, attribute, dying if waits else dying_at_once


def _writing(write: Callable[[PageFile, bytes], None], die: Callable[[], NoReturn]) -> Any:
    def dying(self: PageFile, chunk: bytes) -> None:
        write(self, chunk)
        if self.length > PART_OF_A_BODY:
            die()

    return dying


def main(point: str = "") -> None:
    settings = load(os.environ)
    logs.configure("debug")
    if point:
        setattr(*patched(point, kill))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    async def run() -> None:
        process = Process(settings, stop.is_set, FAST)
        try:
            await process.run()
        finally:
            await process.close()

    asyncio.run(run())


if __name__ == "__main__":
    main(*sys.argv[1:])
