"""Reading a body: counted as it comes, complete within a deadline, never more than the cap."""

import asyncio
import contextlib
from typing import Final

from starlette.types import Receive, Scope

from receiver.refuse import HEAD_KEPT, Refuse

WITHIN: Final = 10.0
"""Seconds for a whole body."""
BEGINNING_WITHIN: Final = 0.5
"""Seconds for the first bytes of a body whose length alone is too much: they are kept."""


class Gone(Exception):
    """The sender hung up before its body was complete."""


async def read(scope: Scope, receive: Receive, cap: int) -> bytes:
    """The whole body. Raises `Refuse` with 413 or 408, and `Gone`."""
    chunks: list[bytes] = []
    for name, value in scope["headers"]:
        if name == b"content-length" and int(value) > cap:
            if not any(name == b"expect" for name, _ in scope["headers"]):
                await _begin(receive, chunks)
            raise _too_large(chunks, cap)
    try:
        async with asyncio.timeout(WITHIN):
            await _collect(receive, chunks, cap)
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
