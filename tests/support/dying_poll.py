"""`receiver poll` in a hurry, killed at a chosen point: `python -m tests.support.dying_poll`.

It takes a point a line, and for each starts a process; it prints the process' id, then how it ended
and when it died at its point (seconds since 1970; 0: elsewhere).
Points are `before` or `after` one of `POINTS`, and `in body`, when some of it has been written.
With `#3` behind it, it is the third time. With an empty line the process goes on until it is told
to stop.
"""

import asyncio
import itertools
import mmap
import os
import signal
import struct
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

import msgspec

from receiver.config.settings import load
from receiver.intake.inbound_writer import Inbound
from receiver.polling.gateway import Gateway
from receiver.polling.page_file import PageFile
from receiver.polling.process import Process
from receiver.polling.store import Store
from receiver.polling.watch_settlement import Settlement
from receiver.runtime import logs
from tests.support.polling import FAST

POINTS: dict[str, tuple[Any, str]] = {
    "stream": (Gateway, "stream"),
    "head": (PageFile, "begin"),
    "body": (PageFile, "finish"),
    "append": (Inbound, "append"),
    "count": (Store, "count"),
    "remove": (PageFile, "remove"),
    "settlement": (Settlement, "of_page"),
    "record": (Settlement, "write"),
}
PART_OF_A_BODY = 200
DIED = mmap.mmap(-1, 8)
"""When the last process died at its point; shared with the one that has started it."""


def kill() -> NoReturn:
    DIED[:] = struct.pack("d", time.time())
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def kill_at(times: int) -> Callable[[], None]:
    """What kills this process when it is called for the n-th time."""
    left = itertools.count(times - 1, -1)
    return lambda: None if next(left) > 0 else kill()


def patched(point: str, die: Callable[[], None]) -> tuple[Any, str, Any]:
    """What to set so that `die` is called at a point: owner, attribute, value."""
    when, _, name = point.partition(" ")
    if when == "in":
        return PageFile, "write", _writing(PageFile.write, die)
    owner, attribute = POINTS[name]
    method: Callable[..., Any] = getattr(owner, attribute)

    async def dying(*arguments: Any, **more: Any) -> Any:
        if when == "before":
            die()
        result = await method(*arguments, **more)
        if when == "after":
            die()
        return result

    def dying_at_once(*arguments: Any, **more: Any) -> Any:
        if when == "before":
            die()
        result = method(*arguments, **more)
        if when == "after":
            die()
        return result

    waits = asyncio.iscoroutinefunction(method)
    return owner, attribute, dying if waits else dying_at_once


def _writing(write: Callable[[PageFile, bytes], None], die: Callable[[], None]) -> Any:
    def dying(self: PageFile, chunk: bytes) -> None:
        write(self, chunk)
        if self.length > PART_OF_A_BODY:
            die()

    return dying


def serve() -> None:
    """A process is forked here, where all is imported: a start of Python takes seconds."""
    for line in sys.stdin:
        DIED[:] = bytes(8)
        child = os.fork()
        if child == 0:
            main(line.strip())
            os._exit(0)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), *struct.unpack("d", DIED), flush=True)


def main(point: str) -> None:
    settings = load(os.environ)
    logs.configure("debug")
    point, _, times = point.partition("#")
    if point:
        setattr(*patched(point, kill_at(int(times or 1))))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    async def run() -> None:
        process = Process(settings, stop.is_set, msgspec.structs.replace(FAST, idle=1.0))
        try:
            await process.run()
        finally:
            await process.close()

    asyncio.run(run())


if __name__ == "__main__":
    serve()
