"""An HTTP/1.1 client as carriers have it, which can also send slowly or disconnect."""

import asyncio
import socket
import ssl
import time
from collections import deque
from typing import Final
from urllib.parse import quote, urlsplit

import httptools

from receiver.runtime.retry_after import retry_after
from receiver.simulate.plan import Planned
from receiver.simulate.rules import Answer

_CONNECT_WITHIN: Final = 3.0
_SLOW_PIECES: Final = 5
_SLOW_PAUSE: Final = 0.25


class Target:
    """The receiver under test: its address and token."""

    def __init__(self, url: str, token: str) -> None:
        """Resolve the host. Raises `OSError` when it is unknown."""
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self.tls = ssl.create_default_context() if parts.scheme == "https" else None
        self.port = parts.port or (443 if self.tls else 80)
        socket.getaddrinfo(self.host, self.port)
        self._authority = parts.netloc.rpartition("@")[2]
        self._base = parts.path.rstrip("/")
        self._token = token

    def request(self, planned: Planned) -> bytes:
        """Return the head of a request. AT&T sends the token in the URI, CAMARA in a header."""
        token = {"no token": "", "wrong token": "not-" + self._token}.get(
            planned.hostile, self._token
        )
        path, bearer = self._base + planned.path, ""
        if token and planned.of_att:
            path += f"{'&' if '?' in path else '?'}access_token={quote(token)}"
        elif token:
            bearer = f"Authorization: Bearer {token}\r\n"
        return (
            f"POST {path} HTTP/1.1\r\nHost: {self._authority}\r\n{bearer}"
            f"Content-Type: {planned.content_type}\r\nContent-Length: {len(planned.body)}\r\n\r\n"
        ).encode()


class CarrierClient:
    """A client of one target, which keeps connections open and uses them again."""

    def __init__(self, target: Target, timeout: float) -> None:
        self._target = target
        self._timeout = timeout
        self._idle: deque[_Connection] = deque()

    async def post(self, planned: Planned, *, plainly: bool) -> Answer:
        """Post a notification once; whatever the receiver does is an outcome, never an exception.

        `plainly`: without the faults that the plan has for the first attempt.
        """
        conduct = "plain" if plainly else planned.conduct
        connection: _Connection | None = None
        try:
            async with asyncio.timeout(self._timeout):
                connection = await self._connect()
                head = self._target.request(planned)
                if conduct == "plain":
                    connection.write(head + planned.body)
                elif conduct == "slow":
                    await _write_slowly(connection, head + planned.body)
                else:
                    cut = conduct == "cut"
                    await _write_and_disconnect(connection, head, planned.body, cut=cut)
                    return Answer(0, "hung up")
                answer = await connection.answer()
        except TimeoutError:
            answer = Answer(0, "timeout" if connection else "unreachable")
        except OSError:
            answer = Answer(0, "broken" if connection else "unreachable")
        if connection:
            self._release(connection)
        return answer

    def close(self) -> None:
        """Close the open connections."""
        while self._idle:
            self._idle.pop().close()

    async def _connect(self) -> "_Connection":
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable:
                return connection
            connection.close()
        async with asyncio.timeout(_CONNECT_WITHIN):
            _, connection = await asyncio.get_running_loop().create_connection(
                _Connection, self._target.host, self._target.port, ssl=self._target.tls
            )
        return connection

    def _release(self, connection: "_Connection") -> None:
        if connection.reusable:
            self._idle.append(connection)
        else:
            connection.close()


class _Connection(asyncio.Protocol):
    """One connection and the response it waits for."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Answer] | None = None
        self._status = 0
        self._said: dict[bytes, str] = {}
        self._open = True

    @property
    def reusable(self) -> bool:
        """Return whether the connection is open and every response has been read completely."""
        return self._open and self._answer is None

    def write(self, request: bytes) -> None:
        """Send a request, or its first piece; a response may come before the last piece."""
        self._answer = asyncio.get_running_loop().create_future()
        self._status, self._said = 0, {}
        self.more(request)

    def more(self, piece: bytes) -> None:
        """Send a further piece."""
        if not self._open or self._transport.is_closing():
            raise ConnectionResetError
        self._transport.write(piece)

    async def answer(self) -> Answer:
        """Return the response once it is complete. Raises `OSError` if none comes."""
        assert self._answer is not None  # noqa: S101 - set by `write`
        if not self._open and not self._answer.done():
            raise ConnectionResetError
        answer = await self._answer
        self._answer = None
        return answer

    def close(self) -> None:
        """Close the connection; nobody waits for its response any more."""
        self._open = False
        if self._answer:
            self._answer.cancel()
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio's callback)."""
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Feed the parser (asyncio's callback)."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.connection_lost(ConnectionResetError())
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """End the response (asyncio's callback). One without a length ends with its connection (RFC
        9112, 6.3).
        """
        self._open = False
        if not self._answer or self._answer.done():
            return
        if self._status and error is None:
            self._answer.set_result(self._answered())
        else:
            self._answer.set_exception(ConnectionResetError())

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note a header (the parser's callback)."""
        if name.lower() in (b"retry-after", b"date"):
            self._said[name.lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Note the end of the head (the parser's callback)."""
        self._status = self._parser.get_status_code()

    def on_message_complete(self) -> None:
        """Note a complete response (the parser's callback). 1xx only announces one."""
        if self._status < 200:
            return
        if not self._parser.should_keep_alive():
            self._open = False
        if self._answer and not self._answer.done():
            self._answer.set_result(self._answered())
        self._parser = httptools.HttpResponseParser(self)

    def _answered(self) -> Answer:
        value, date = (self._said.get(name, "") for name in (b"retry-after", b"date"))
        return Answer(self._status, str(self._status), retry_after(value, time.time(), date))


async def _write_slowly(connection: _Connection, request: bytes) -> None:
    size = -(-len(request) // _SLOW_PIECES)
    connection.write(request[:size])
    for begin in range(size, len(request), size):
        await asyncio.sleep(_SLOW_PAUSE)
        connection.more(request[begin : begin + size])


async def _write_and_disconnect(
    connection: _Connection, head: bytes, body: bytes, *, cut: bool
) -> None:
    connection.write(head + (body[: len(body) // 2] if cut else body))
    await asyncio.sleep(0)
    connection.close()
