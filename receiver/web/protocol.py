"""What uvicorn's HTTP protocol lacks: a deadline and a size limit for the head of a request, and
precedence of authenticated connections over others.

Without them, clients that open connections and send little, slowly, hold them for ever (uvicorn
issue 157), and a header may have any length. Bodies have their own deadline and cap, in `ingest`.
"""

import asyncio
from functools import partial
from http import HTTPStatus
from math import inf
from typing import Final

from starlette.types import Receive
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from receiver.carriers.formats.problem_details import problem
from receiver.web.http_parser import Parsing
from receiver.web.open_files import connections_allowed
from receiver.web.request import ADMITTED
from receiver.web.responses import LINGER_BYTES, RETRY_AFTER, Response

HEAD_WITHIN: Final = 10.0
"""Seconds a head may take, from the connection's beginning or the head's first byte, whichever is
later; also what a sender has left to finish a body whose answer he has already."""
HEAD_BYTES: Final = 65536
"""What does not end within so many bytes is no head that a carrier sends."""
CONNECTIONS: Final = 4096
"""Open at once, per web process: so many unfinished heads are what memory has room for."""
STRANGER_RESTS: Final = 10.0
"""Seconds a connection may idle on which no request had a valid credential yet: a balancer's pool
is for carriers, and whoever else holds connections holds theirs."""
_LOOKS: Final = 5
"""Looks within `HEAD_WITHIN`: one timer per connection, and nothing at all per request."""


class Protocol(Parsing):
    """One connection. Every check that finds it waiting for the same head counts against it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the deadline of the first head. At the limit of connections, close the
        unauthenticated one that has idled longest.
        """
        super().connection_made(transport)
        self._patience = self._unread = _LOOKS
        self._seen: RequestResponseCycle | None = None
        self._rests_since = inf
        self._weighed: tuple[RequestResponseCycle | None, bool] = (None, True)
        self._held: tuple[RequestResponseCycle, ASGI3Application] | None = None
        self._begun: RequestResponseCycle | None = None
        self._handle = getattr(self.app, "handle", _never)
        self._timer = self.loop.call_later(HEAD_WITHIN / _LOOKS, self._look)
        self._known = False
        self._strangers: dict[Protocol, None] = vars(self.server_state).setdefault("strangers", {})
        if (
            len(self.connections) > min(CONNECTIONS, connections_allowed())
            and not self._room_made()
        ):
            transport.write(_answer(503, "too many connections are open"))
            transport.close()
        self._strangers[self] = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadline: there is nobody left to respond to.

        The last request refers to the connection: without a way back both are freed at once, and
        not by the garbage collector, which a busy process seldom runs.
        """
        self._timer.cancel()
        self._strangers.pop(self, None)
        if self._begun:  # uvicorn tells only the last one that came
            self._begun.disconnected = True
        super().connection_lost(exc)
        self.pipeline.clear()
        self.cycle = self._begun = self._seen = self._held = None  # type: ignore[assignment]
        self._weighed = (None, True)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep a half-closed connection open until its response is sent."""
        if self.cycle is None or self.cycle.response_complete or self.cycle.more_body:
            return False
        self.cycle.keep_alive = False
        return True

    def data_received(self, data: bytes) -> None:
        """Feed the parser, and check the size of the head where it could be too large."""
        self.fed += len(data)
        self._rests_since = inf
        if not (self.cycle and self.cycle.more_body and _unwanted(self.cycle)):
            self.feed(data)
            if self._held:
                self._begin(*self._held)
        if self.fed > HEAD_BYTES:
            self._weigh()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """The head is complete. `data_received` goes on when it has fed the rest that is there."""
        self._held = cycle, app

    def _begin(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._held, self._begun = None, cycle
        long = cycle.more_body or cycle.waiting_for_100_continue or self.flow.write_paused
        if long or not self._handle(cycle.scope, bytes(cycle.body), partial(self._send, cycle)):
            super()._start_asgi_task(cycle, app)

    def _send(self, cycle: RequestResponseCycle, response: Response) -> None:
        """What `RequestResponseCycle.send` does for a whole answer, less its checks of headers:
        these are ours.
        """
        if cycle.disconnected or self.transport.is_closing():
            return
        if response.close:
            cycle.keep_alive = False
        content = [STATUS_LINE[response.status]]
        for name, value in (*cycle.default_headers, *response.headers):
            content += (name, b": ", value, b"\r\n")
        content.append(b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n")
        if response.body and cycle.scope["method"] != "HEAD":
            content.append(response.body)
        self.transport.write(b"".join(content))
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def on_response_complete(self) -> None:
        """Continue with pipelined requests, or wait for the next.

        uvicorn's own makes and cancels a timer each time, and timers show in a profile; here
        `_look` sees who has rested too long.
        """
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if not self._known and self._begun:
            self._acquaint(self._begun)
        if self.pipeline:
            self._begin(*self.pipeline.pop())
        else:
            self.flow.resume_reading()
            self._rests_since = self.loop.time()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP/1.1 in the same form as every other error."""
        self._end(400, "this is not HTTP/1.1")

    def _acquaint(self, cycle: RequestResponseCycle) -> None:
        """No stranger any more, or the one who has idled least."""
        self._strangers.pop(self, None)
        self._known = ADMITTED in cycle.scope
        if not self._known:
            self._strangers[self] = None

    def _room_made(self) -> bool:
        """Whether some stranger could go: nobody whose answer is still to come."""
        for other in self._strangers:
            if other._answered() or other.cycle.response_started:
                del self._strangers[other]
                other.transport.abort()
                return True
        return False

    def _look(self) -> None:
        self._unread = self._unread - 1 if self.transport.get_write_buffer_size() else _LOOKS
        if not self._unread:  # nobody reads what we say
            self.transport.abort()
            return
        waits = self._rests_since == inf and self._answered()
        if not waits or self.cycle is not self._seen:
            self._patience, self._seen = _LOOKS, self.cycle
        else:
            self._patience -= 1
        rests = self.timeout_keep_alive if self._known else STRANGER_RESTS
        if self.transport.is_closing() or self._patience:
            self._timer = self.loop.call_later(HEAD_WITHIN / _LOOKS, self._look)
            if self.loop.time() - self._rests_since >= min(rests, self.timeout_keep_alive):
                self.transport.close()
        else:
            self._end(408, f"the head of the request was not complete after {HEAD_WITHIN:.0f} s")

    def _answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _weigh(self) -> None:
        """So many bytes came, and none of them in a body that is waited for."""
        now = (self.cycle, self._answered())
        if now != self._weighed:
            self._weighed, self.fed = now, 0
        elif self._answered() and not (self.cycle and self.cycle.more_body):
            self._end(431, f"the head of the request may have {HEAD_BYTES} bytes at most")
        elif not self.cycle.response_started:
            self.flow.pause_reading()
            self._end(431, f"what is no body may have {HEAD_BYTES} bytes at most")
        elif self.fed > LINGER_BYTES:
            self.transport.abort()

    def _end(self, status: int, message: str) -> None:
        """Say why, where it would be read as the answer to what came last, and close."""
        cycle = self.cycle
        if cycle is None:
            awaited = self.fed > 0
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


def _unwanted(cycle: RequestResponseCycle) -> bool:
    """Whether what comes in is thrown away, and may be unread: only the parser finds an end in
    chunks, but takes for many small ones a hundred times what their bytes are worth.
    """
    return cycle.response_started and (b"transfer-encoding", b"chunked") in cycle.scope["headers"]


def is_whole(receive: Receive) -> bool:
    """Return whether the whole body has arrived already, as it mostly has: then it needs no
    deadline.
    """
    cycle = getattr(receive, "__self__", None)
    return isinstance(cycle, RequestResponseCycle) and not cycle.more_body


def _never(*_: object) -> bool:
    """Any other application has the long way only."""
    return False


def _answer(status: int, message: str) -> bytes:
    content_type, body = problem(status, message)
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nconnection: close\r\n"
        f"content-type: {content_type}\r\ncontent-length: {len(body)}\r\n"
    ).encode()
    if status in RETRY_AFTER:
        head += b"retry-after: " + RETRY_AFTER[status] + b"\r\n"
    return head + b"\r\n" + body
