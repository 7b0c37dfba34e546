"""Reading a body: counted as it comes, complete within a deadline, never more than the cap."""

import asyncio
import contextlib
from typing import Any, Final

from starlette.types import Receive, Scope

from receiver.refuse import HEAD_KEPT, Refuse

WITHIN: Final = 10.0
"""Seconds for a whole body."""
BEGINNING_WITHIN: Final = 0.5
"""Seconds for the first bytes of a body whose length alone is too much: they are kept."""

_LOOK_EVERY: Final = 0.25


class Gone(Exception):
    """The sender hung up before its body was complete."""


class Deadlines:
    """When each body under way must be complete: one timer for all, as most are there at once.

    (`asyncio.timeout` around every request costs a fifth of what an empty endpoint does.)
    """

    def __init__(self) -> None:
        self._due: dict[asyncio.Task[Any], float] = {}
        self._missed: set[asyncio.Task[Any]] = set()

    async def watch(self) -> None:
        """Interrupt, for ever, whoever reads a body that is overdue."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            now = loop.time()
            for task in [task for task, due in self._due.items() if due <= now]:
                del self._due[task]
                self._missed.add(task)
                task.cancel()

    async def collect(self, receive: Receive, chunks: list[bytes], cap: int) -> None:
        """Read up to the end. Raises `TimeoutError`; chunks are there whatever happens."""
        task: asyncio.Task[Any] = asyncio.current_task()  # type: ignore[assignment]
        self._due[task] = task.get_loop().time() + WITHIN
        try:
            await _collect(receive, chunks, cap)
        except asyncio.CancelledError:
            if task not in self._missed or task.uncancel():
                raise  # somebody else's wish, such as the server's to end
            raise TimeoutError from None
        finally:
            self._due.pop(task, None)
            self._missed.discard(task)


async def read(scope: Scope, receive: Receive, cap: int, deadlines: Deadlines) -> bytes:
    """The whole body. Raises `Refuse` with 413 or 408, and `Gone`."""
    chunks: list[bytes] = []
    for name, value in scope["headers"]:
        if name == b"content-length" and int(value) > cap:
            if not any(name == b"expect" for name, _ in scope["headers"]):
                await _begin(receive, chunks)
            raise _too_large(chunks, cap)
    try:
        await deadlines.collect(receive, chunks, cap)
    except TimeoutError:
        message = f"the body was not complete after {WITHIN:.0f} s"
        raise Refuse(408, message, _head(chunks), unread=True) from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _collect(receive: Receive, chunks: list[bytes], cap: int) -> None:
    """Up to the end; chunks are there for the caller whatever happens."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(chunk)
        chunks.append(chunk)
        if size > cap:
            raise _too_large(chunks, cap)


async def _begin(receive: Receive, chunks: list[bytes]) -> None:
    with contextlib.suppress(TimeoutError, Refuse):
        async with asyncio.timeout(BEGINNING_WITHIN):
            await _collect(receive, chunks, HEAD_KEPT)


def _too_large(chunks: list[bytes], cap: int) -> Refuse:
    return Refuse(413, f"the body may have {cap} bytes at most", _head(chunks), unread=True)


def _head(chunks: list[bytes]) -> bytes:
    return b"".join(chunks)[:HEAD_KEPT]
