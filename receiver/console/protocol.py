"""What uvicorn's HTTP protocol lacks: deadlines for a request's head and for who reads the answer,
and limits in size and number.

Without them a connection that sends nothing, or reads nothing of the live tail, is held for ever.
"""

import asyncio
from http import HTTPStatus
from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

CONNECTIONS: Final = 500
"""Open at once: fifty people with some tabs each."""
HEAD_WITHIN: Final = 10.0
"""Seconds for a head, from the connection's beginning or the head's first byte; also what is left
to finish a body that is answered already."""
HEAD_BYTES: Final = 64 * 1024
HEAD_FIELDS: Final = 256
"""Each takes some hundred bytes, also an empty one."""
READ_WITHIN: Final = 30.0
"""Seconds for a browser to read what waits for it: some 64 KB."""


class Protocol(HttpToolsProtocol):
    """One connection of a browser, or of what says it is one."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the deadline of the first head; turn away one connection too many."""
        super().connection_made(transport)
        self._in_body = False
        self._fed = 0
        self._unread: asyncio.TimerHandle | None = None
        self._late = self.loop.call_later(HEAD_WITHIN, self._end, HTTPStatus.REQUEST_TIMEOUT)
        if len(self.connections) > CONNECTIONS:
            self._end(HTTPStatus.SERVICE_UNAVAILABLE)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines."""
        self._late.cancel()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in bytes, of a head no more than `HEAD_BYTES`."""
        if self.transport.is_closing():
            return
        if not self._in_body:
            room = HEAD_BYTES - self._fed
            self._fed += len(data)
            super().data_received(data[:room])
            if len(data) <= room or self.transport.is_closing():
                return
            if not self._in_body and self._fed > HEAD_BYTES:
                self._end(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
                return
            data = data[room:]
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Start the deadline of a later head."""
        super().on_message_begin()
        if self.cycle is not None:
            self._wait()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take in a field. Raises `ValueError`, which ends the parsing, for one too many."""
        super().on_header(name, value)
        if len(self.headers) > HEAD_FIELDS:
            raise ValueError

    def send_400_response(self, msg: str) -> None:
        """Say what ended the parsing, and close."""
        if len(self.headers or ()) > HEAD_FIELDS:
            self._end(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        else:
            super().send_400_response(msg)

    def on_headers_complete(self) -> None:
        """End the wait for a head."""
        self._late.cancel()
        self._in_body, self._fed = True, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End the wait for a body."""
        super().on_message_complete()
        self._in_body = False
        if self._answered():
            self._late.cancel()

    def on_response_complete(self) -> None:
        """Wait a little for the rest of a body that nobody reads, and for who reads the answer."""
        super().on_response_complete()
        if self._in_body and self._answered():
            self._wait()
        if self.transport.get_write_buffer_size():
            self.loop.call_later(READ_WITHIN, self._look)

    def pause_writing(self) -> None:
        """Wait a little for a browser that does not read."""
        super().pause_writing()
        self._unread = self.loop.call_later(READ_WITHIN, self.transport.abort)

    def resume_writing(self) -> None:
        """End that wait."""
        super().resume_writing()
        if self._unread:
            self._unread.cancel()

    def _look(self) -> None:
        """End what was closed and is still not read."""
        if self.transport.is_closing():
            self.transport.abort()

    def _wait(self) -> None:
        self._late.cancel()
        self._late = self.loop.call_later(HEAD_WITHIN, self._end, HTTPStatus.REQUEST_TIMEOUT)

    def _answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _end(self, status: HTTPStatus) -> None:
        """Say why where a head is awaited, and close."""
        if self._answered() and not self._in_body and not self.transport.is_closing():
            body = f"{status.phrase}\n".encode()
            head = b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body)
            self.transport.write(STATUS_LINE[status] + head + body)
            self.transport.close()
        else:
            self.transport.abort()
