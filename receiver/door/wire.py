"""What uvicorn's HTTP protocol lacks: a deadline and a size for the head of a request.

Without them whoever opens connections and says little, slowly, holds them for ever (uvicorn issue
157), and a header may have any length. Bodies have their own deadline and cap, in `ingest`.
"""

import asyncio
import re
from http import HTTPStatus
from typing import Final

from starlette.types import Receive
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from receiver.carriers.problem import problem
from receiver.door.answer import LINGER_BYTES, RETRY_AFTER

HEAD_WITHIN: Final = 10.0
"""Seconds a head may take, from the connection's beginning or the head's first byte, whichever is
later; also what a sender has left to finish a body whose answer he has already."""
HEAD_BYTES: Final = 65536
"""What does not end within so many bytes is no head that a carrier sends."""
CONNECTIONS: Final = 4096
"""Open at once, per web process: so many unfinished heads are what memory has room for."""
_UPGRADE: Final = re.compile(rb"(\r\n)upgrade[ \t]*:", re.IGNORECASE).sub
_LOOKS: Final = 5
"""Looks within `HEAD_WITHIN`: one timer per connection, and nothing at all per request."""


class Protocol(HttpToolsProtocol):
    """One connection. Every look that finds it waiting for the same head counts against it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first head is due from here on."""
        super().connection_made(transport)
        self._patience = _LOOKS
        self._seen: RequestResponseCycle | None = None
        self._fed = 0
        self._weighed: tuple[RequestResponseCycle | None, bool] = (None, True)
        self._timer = self.loop.call_later(HEAD_WITHIN / _LOOKS, self._look)
        if len(self.connections) > CONNECTIONS:
            transport.write(_answer(503, "too many connections are open"))
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is due any more."""
        self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; weigh what came, each time that it could be a head too large."""
        self._fed += len(data)
        if (b"pgrade:" in data or b"PGRADE:" in data) and self._answered():
            data = _without_upgrade(data)
        super().data_received(data)
        if self._fed > HEAD_BYTES:
            self._weigh()

    def send_400_response(self, msg: str) -> None:
        """What is not HTTP/1.1 is answered in the form that everything else is."""
        self._end(400, "this is not HTTP/1.1")

    def _look(self) -> None:
        if self.transport.is_closing():
            return
        waits = self.timeout_keep_alive_task is None and self._answered()
        if not waits or self.cycle is not self._seen:
            self._patience, self._seen = _LOOKS, self.cycle
        else:
            self._patience -= 1
        if self._patience:
            self._timer = self.loop.call_later(HEAD_WITHIN / _LOOKS, self._look)
        else:
            self._end(408, f"the head of the request was not complete after {HEAD_WITHIN:.0f} s")

    def _answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _weigh(self) -> None:
        """So many bytes came; those of a request that is not answered yet are counted elsewhere."""
        now = (self.cycle, self._answered())
        if now != self._weighed:
            self._weighed, self._fed = now, 0
        elif self.cycle is None or (self.cycle.response_complete and not self.cycle.more_body):
            self._end(431, f"the head of the request may have {HEAD_BYTES} bytes at most")
        elif not self.cycle.response_started:
            self._fed = 0
        elif self._fed > LINGER_BYTES:
            self.transport.abort()

    def _end(self, status: int, message: str) -> None:
        """Say why, where it would be read as the answer to what came last, and close."""
        cycle = self.cycle
        if cycle is None:
            awaited = self._fed > 0
        elif cycle.response_complete:
            awaited = not cycle.more_body
        elif not cycle.response_started and not cycle.more_body:
            cycle.keep_alive = False  # its own answer is still to come: close after that
            return
        else:
            awaited = not cycle.response_started
        if awaited:
            self.transport.write(_answer(status, message))
        self.transport.close()


def _without_upgrade(data: bytes) -> bytes:
    """The parser takes what follows an offer of another protocol for that protocol, and the body
    would be lost; clients that speak HTTP/2 make such an offer with their first request, and RFC
    9110, section 7.8 lets a server pass over it.
    """
    head, end, rest = data.partition(b"\r\n\r\n")
    return _UPGRADE(rb"\1x-passed-over:", head) + end + rest


def is_whole(receive: Receive) -> bool:
    """Whether the whole body is here already, as it mostly is: then nobody need watch the clock."""
    cycle = getattr(receive, "__self__", None)
    return isinstance(cycle, RequestResponseCycle) and not cycle.more_body


def _answer(status: int, message: str) -> bytes:
    content_type, body = problem(status, message)
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nconnection: close\r\n"
        f"content-type: {content_type}\r\ncontent-length: {len(body)}\r\n"
    ).encode()
    if status in RETRY_AFTER:
        head += b"retry-after: " + RETRY_AFTER[status] + b"\r\n"
    return head + b"\r\n" + body
