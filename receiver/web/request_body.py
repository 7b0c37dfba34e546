"""Reading a request's body: counted as it arrives, complete within a deadline, never more than the
cap.
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, Final

from starlette.types import Receive, Scope

from receiver.web.admission import Room
from receiver.web.protocol import is_whole
from receiver.web.rejection import HEAD_KEPT, Refuse

WITHIN: Final = 10.0
"""Seconds for a whole body."""
BEGINNING_WITHIN: Final = 0.5
"""Seconds for the first bytes of a body whose length alone is too much: they are kept."""

_LOOK_EVERY: Final = 0.25


class SenderDisconnected(Exception):
    """The sender disconnected before its body was complete."""


class Bodies:
    """Reads bodies of `cap` bytes at most, all under one timer, as most are there at once.

    (`asyncio.timeout` around every request costs a fifth of what an empty endpoint does.)
    """

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self._due: dict[asyncio.Task[Any], float] = {}
        self._missed: set[asyncio.Task[Any]] = set()

    async def watch(self) -> None:
        """Interrupt, until cancelled, every reading that is past its deadline."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            now = loop.time()
            for task in [task for task, due in self._due.items() if due <= now]:
                del self._due[task]
                self._missed.add(task)
                task.cancel()

    async def read(self, scope: Scope, receive: Receive, room: Room) -> bytes:
        """Return the whole body. Raises `Refuse` with 413, 408 or 429, and `SenderDisconnected`."""
        chunks: list[bytes] = []
        for name, value in scope["headers"]:
            if name == b"content-length" and int(value) > self.cap:
                if not any(name == b"expect" for name, _ in scope["headers"]):
                    await _begin(receive, chunks, room)
                raise Refuse.too_large(self.cap, b"".join(chunks))
        try:
            collecting = _collect(receive, chunks, self.cap, room)
            await (collecting if is_whole(receive) else self._in_time(collecting))
        except TimeoutError:
            message = f"the body was not complete after {WITHIN:.0f} s"
            raise Refuse(408, message, b"".join(chunks)[:HEAD_KEPT], unread=True) from None
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def _in_time(self, collecting: Coroutine[Any, Any, None]) -> None:
        """Read under the deadline that `watch` keeps. Raises `TimeoutError`."""
        task: asyncio.Task[Any] = asyncio.current_task()  # type: ignore[assignment]
        self._due[task] = task.get_loop().time() + WITHIN
        try:
            await collecting
        except asyncio.CancelledError:
            if task not in self._missed or task.uncancel():
                raise  # cancelled by another, such as a server that stops
            raise TimeoutError from None
        finally:
            self._due.pop(task, None)
            self._missed.discard(task)


async def _collect(receive: Receive, chunks: list[bytes], cap: int, room: Room) -> None:
    """Read to the end. `chunks` has for the caller what was read, whatever is raised."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise SenderDisconnected
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(chunk)
        chunks.append(chunk)
        if size > cap:
            raise Refuse.too_large(cap, b"".join(chunks))
        if not room.add_bytes(len(chunk)):
            raise Refuse(429, "too much is in flight", unread=True)


async def _begin(receive: Receive, chunks: list[bytes], room: Room) -> None:
    with contextlib.suppress(TimeoutError, Refuse):
        async with asyncio.timeout(BEGINNING_WITHIN):
            await _collect(receive, chunks, HEAD_KEPT, room)
