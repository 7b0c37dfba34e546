"""Requests to a gateway: destructive GETs, each streamed to a page file.

A fresh connection for each, no redirects, no repeats in here. An answer has no limit in time or
size: giving one up destroys messages. Only 60 s without a byte end it, or the process' own end; an
error, which removes nothing, has 10 s in all.
A process that is to end sends none that has not begun to leave.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any, Final

import httpx2
import msgspec
from msgspec import Struct

from receiver.outbound.authentication import Authentication
from receiver.outbound.http_client import connection_fault, open_client
from receiver.polling.pace import Pace
from receiver.polling.page_file import PageFile
from receiver.runtime.retry_after import retry_after

_ERROR_BYTES: Final = 65_536
"""Of an answer that is no success."""
_ERROR_WITHIN: Final = 10.0
"""Seconds for them: nothing was removed."""


class Sent(Struct, frozen=True):
    """What became of a request."""

    status: int = 0
    """Of an answer whose head came; 0 for none."""
    whole: bool = False
    """Whether all of the answer came."""
    left: bool = False
    """Whether a byte of the request may have left."""
    body: bytes = b""
    """Of an answer that is no success, its beginning."""
    retry_after: float | None = None
    said: str = ""
    """What failed."""
    held: bool = False
    """Whether nothing was sent because the process is to end."""

    @property
    def good(self) -> bool:
        """Return whether it is a success, whole or cut."""
        return 200 <= self.status < 300


class Gateway:
    """One gateway, as one poll asks it. Close it."""

    def __init__(
        self,
        base_url: str,
        authentication: Authentication,
        pace: Pace,
        stopping: Callable[[], bool],
    ) -> None:
        """`stopping` says whether the process is to end."""
        self.authentication = authentication
        self._stopping = stopping
        self._base = base_url.rstrip("/")
        self._grace = pace.grace
        self._limits: set[asyncio.Timeout] = set()
        limits = httpx2.Limits(max_keepalive_connections=0)
        timeout = httpx2.Timeout(pace.idle, connect=pace.connect)
        self._client = open_client(limits, timeout, connection="close")

    async def stream(self, path: str, headers: dict[str, str], into: PageFile) -> Sent:
        """Send a GET, once, and write what comes of a successful answer into a page file. Sends
        nothing where the process is to end.
        """
        if self._stopping():
            return _HELD
        begun = _Begun(self._stopping)
        progress = Sent()
        try:
            async with asyncio.timeout(None) as limit:
                self._limits.add(limit)
                async with self._client.stream(
                    "GET", self._base + path, headers=headers, extensions={"trace": begun.trace}
                ) as response:
                    progress = _head(response)
                    return await _taken(progress, response, into)
        except _Held:
            return _HELD
        except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            said = _said(error)
            return msgspec.structs.replace(progress, left=begun.sent, said=said)
        finally:
            self._limits.discard(limit)

    def hurry(self) -> None:
        """Give answers that are under way no more than the grace: the process is to end."""
        for limit in self._limits:
            limit.reschedule(asyncio.get_running_loop().time() + self._grace)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()


_HELD: Final = Sent(said="this process is to end", held=True)


class _Held(Exception):
    """The request is not sent: the process is to end."""


class _Begun:
    """Whether the first byte of a request may have left."""

    def __init__(self, stopping: Callable[[], bool]) -> None:
        self.sent = False
        self._stopping = stopping

    async def trace(self, event: str, _info: dict[str, Any]) -> None:
        """Note that the request is being sent, or raise `_Held` before its first byte where the
        process is to end (httpx2's callback for each step).
        """
        if event.endswith("send_request_headers.started"):
            if self._stopping():
                raise _Held
            self.sent = True


def _head(response: httpx2.Response) -> Sent:
    said, date = (response.headers.get(name, "") for name in ("retry-after", "date"))
    wait = retry_after(said, time.time(), date)
    return Sent(status=response.status_code, left=True, retry_after=wait)


async def _taken(head: Sent, response: httpx2.Response, into: PageFile) -> Sent:
    if not head.good:
        return msgspec.structs.replace(head, body=await _beginning(response))
    into.begin(response.status_code, response.headers.get("content-type", ""))
    async for chunk in response.aiter_raw():
        into.write(chunk)
    return msgspec.structs.replace(head, whole=True)


async def _beginning(response: httpx2.Response) -> bytes:
    found = bytearray()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_ERROR_WITHIN):
            async for chunk in response.aiter_raw():
                found += chunk
                if len(found) >= _ERROR_BYTES:
                    break
    return bytes(found)


def _said(error: Exception) -> str:
    """Say what failed, in words of ours: httpx2's may repeat the URL."""
    if isinstance(error, httpx2.ConnectError):
        return connection_fault(error)
    if isinstance(error, httpx2.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, httpx2.TimeoutException):
        return "no byte for a minute"
    if isinstance(error, TimeoutError):
        return "it was not whole when this process had to end"
    return "the connection ended before the whole answer"
