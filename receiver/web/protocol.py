"""What uvicorn's HTTP protocol lacks: a deadline and a size limit for the head of a request, and
precedence of authenticated connections over others.

Without them, clients that open connections and send little, slowly, hold them for ever (uvicorn
issue 157), and a header may have any length. Bodies have their own deadline and cap, in
`request_body`.
"""

import asyncio
from functools import partial
from math import inf
from typing import Final

from starlette.types import Receive
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from receiver.web.connection_room import longest_idle
from receiver.web.http_parser import FIELDS, Parsing, is_discarded
from receiver.web.open_files import connections_allowed
from receiver.web.request import ADMITTED
from receiver.web.responses import LINGER_BYTES, Response, error_message

HEAD_WITHIN: Final = 10.0
"""Seconds a head may take, from the connection's beginning or the head's first byte, whichever is
later; and a body, once its response is sent."""
HEAD_BYTES: Final = 65536
"""Bytes a head may have: no carrier sends a longer one."""
CONNECTIONS: Final = 4096
"""Connections a web process may have open: memory has room for so many unfinished heads."""
UNAUTHENTICATED_IDLE: Final = 10.0
"""Seconds a connection may idle while no request on it has had a valid credential: idle
connections are kept for carriers, and others would take their room."""
_CHECKS: Final = 5
"""Checks of a connection within `HEAD_WITHIN`: they take one timer, and nothing per request."""


class Protocol(Parsing):
    """Serves one connection, and closes it when `_CHECKS` checks in a row find it waiting for the
    same head.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the deadline of the first head. At the limit of connections, close the
        unauthenticated one that has idled longest, or the `longest_idle` of all.
        """
        super().connection_made(transport)
        self.headers = []
        self._checks_left = self._unread_left = _CHECKS
        self._checked: RequestResponseCycle | None = None
        self._measured: tuple[RequestResponseCycle | None, bool] = (None, True)
        """What was awaited when the size of the head was checked last."""
        self._ready: tuple[RequestResponseCycle, ASGI3Application] | None = None
        """The request whose head is complete, and which has not begun yet."""
        self._begun: RequestResponseCycle | None = None
        # An application without `handle` gets every request as a task.
        self._handle = getattr(self.app, "handle", lambda *_: False)
        self._timer = self.loop.call_later(HEAD_WITHIN / _CHECKS, self._check)
        self._authenticated = False
        shared = vars(self.server_state)
        self._unauthenticated: dict[Protocol, None] = shared.setdefault("unauthenticated", {})
        """The process's connections without an authenticated request, longest idle first."""
        most = min(CONNECTIONS, connections_allowed())
        if len(self.connections) > most and not self._make_room():
            transport.write(error_message(503, "too many connections are open"))
            transport.close()
        self._unauthenticated[self] = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadline, and forget the requests: they refer to the connection, and without
        references in both directions all are freed at once, not by the garbage collector, which a
        busy process seldom runs.
        """
        self._timer.cancel()
        self._unauthenticated.pop(self, None)
        if self._begun:  # uvicorn tells only the last one that came
            self._begun.disconnected = True
        super().connection_lost(exc)
        self.pipeline.clear()
        self.cycle = self._begun = self._checked = self._ready = None  # type: ignore[assignment]
        self._measured = (None, True)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep a half-closed connection open until its response is sent."""
        if self.cycle is None or self.cycle.response_complete or self.cycle.more_body:
            return False
        self.cycle.keep_alive = False
        return True

    def data_received(self, data: bytes) -> None:
        """Feed the parser, begin the request whose head is complete, and check the size of the head
        where it could be too large.
        """
        self.fed += len(data)
        self.idle_since = inf
        if not (self.cycle and self.cycle.more_body and is_discarded(self.cycle)):
            self.feed(data)
            if self._ready:
                self._begin(*self._ready)
        if self.fed > HEAD_BYTES:
            self._measure_head()
        if len(self.headers) > FIELDS and not self.transport.is_closing():
            self._refuse_fields()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Note a request whose head is complete; `data_received` begins it when all is fed."""
        self._ready = cycle, app

    def _begin(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Begin a request: handled at once where it is whole, else as an ASGI task."""
        self._ready, self._begun = None, cycle
        later = cycle.more_body or cycle.waiting_for_100_continue or self.flow.write_paused
        if later or not self._handle(cycle.scope, bytes(cycle.body), partial(self._send, cycle)):
            super()._start_asgi_task(cycle, app)

    def _send(self, cycle: RequestResponseCycle, response: Response) -> None:
        """Send a whole response as `RequestResponseCycle.send` does, without its checks of headers:
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
        `_check` closes a connection that has idled too long.
        """
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if not self._authenticated and self._begun:
            self._note_credential(self._begun)
        if self.pipeline:
            self._begin(*self.pipeline.pop())
        else:
            self.flow.resume_reading()
            self.idle_since = self.loop.time()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP/1.1 in the same form as every other error."""
        if len(self.headers) > FIELDS:
            self._refuse_fields()
        else:
            self._refuse(400, "this is not HTTP/1.1")

    def _refuse_fields(self) -> None:
        self._refuse(431, f"the head of the request may have {FIELDS} fields at most")

    def _note_credential(self, cycle: RequestResponseCycle) -> None:
        self._unauthenticated.pop(self, None)
        self._authenticated = ADMITTED in cycle.scope
        if not self._authenticated:
            self._unauthenticated[self] = None  # at the end: it has idled least

    def _make_room(self) -> bool:
        """Close the unauthenticated connection that has idled longest, none whose response is still
        to come; without one, the `longest_idle` of all. Returns whether there was one.
        """
        for other in self._unauthenticated:
            if other._answered() or other.cycle.response_started:
                del self._unauthenticated[other]
                other.transport.abort()
                return True
        idle = longest_idle(self.connections, self.loop.time())
        if idle:
            idle.transport.close()
        return idle is not None

    def _check(self) -> None:
        """Close the connection where the sender reads nothing, has sent no head, or has idled for
        too long.
        """
        unsent = self.transport.get_write_buffer_size() > 0
        self._unread_left = self._unread_left - 1 if unsent else _CHECKS
        if not self._unread_left:
            self.transport.abort()
            return
        waits = self.idle_since == inf and self._answered()
        if not waits or self.cycle is not self._checked:
            self._checks_left, self._checked = _CHECKS, self.cycle
        else:
            self._checks_left -= 1
        if self._checks_left or self.transport.is_closing():
            self._timer = self.loop.call_later(HEAD_WITHIN / _CHECKS, self._check)
            if self.loop.time() - self.idle_since >= self._idle_within():
                self.transport.close()
        else:
            self._refuse(408, f"the head of the request was not complete after {HEAD_WITHIN:.0f} s")

    def _idle_within(self) -> float:
        most = self.timeout_keep_alive
        return most if self._authenticated else min(UNAUTHENTICATED_IDLE, most)

    def _answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _measure_head(self) -> None:
        """Refuse what has come without an end since the last time: more than `HEAD_BYTES`, and none
        of it in a body that is waited for.
        """
        now = (self.cycle, self._answered())
        if now != self._measured:
            self._measured, self.fed = now, 0
        elif self._answered() and not (self.cycle and self.cycle.more_body):
            self._refuse(431, f"the head of the request may have {HEAD_BYTES} bytes at most")
        elif not self.cycle.response_started:
            self.flow.pause_reading()
            self._refuse(431, f"what is no body may have {HEAD_BYTES} bytes at most")
        elif self.fed > LINGER_BYTES:
            self.transport.abort()

    def _forget_unfinished(self) -> None:
        """Forget a request that was sent ahead and can become whole no more: none of those before
        it has its response yet.
        """
        if self.pipeline and self.pipeline[0][0] is self.cycle and self.cycle.more_body:
            self.pipeline.popleft()
            before = self.pipeline[0] if self.pipeline else self._ready
            self.cycle = before[0] if before else self._begun  # type: ignore[assignment]

    def _refuse(self, status: int, message: str) -> None:
        """Send an error where it would be read as the response to what came last, and close."""
        self._forget_unfinished()
        cycle = self.cycle
        if cycle is None:
            awaited = self.fed > 0
        elif cycle.response_complete:
            awaited = not cycle.more_body
        elif not cycle.response_started and not cycle.more_body:
            cycle.keep_alive = False  # its own response is still to come: close after that
            return
        else:
            awaited = not cycle.response_started
        if awaited:
            self.transport.write(error_message(status, message))
        self.transport.close()


def is_whole(receive: Receive) -> bool:
    """Return whether the whole body has arrived already, as it mostly has: then it needs no
    deadline.
    """
    cycle = getattr(receive, "__self__", None)
    return isinstance(cycle, RequestResponseCycle) and not cycle.more_body
