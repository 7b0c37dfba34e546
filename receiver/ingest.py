"""The one request path, for every carrier: authenticate, read, check, hand over, answer."""

import asyncio
import itertools
import secrets
import time
from collections import Counter
from typing import Final

import structlog
from starlette.types import Receive, Scope, Send

from receiver import answer
from receiver.answer import Headers
from receiver.carriers.callback import Callback, Reading, Rejected, Request
from receiver.credentials import Credential, Credentials, Unauthenticated, Undecided, tokens
from receiver.gate import Gate
from receiver.intake import Intake, Overloaded, Unavailable
from receiver.notification import Notification, Refusal, encode
from receiver.settings import LISTENER_NAME, Settings

log = structlog.get_logger()

BODY_WITHIN: Final = 10.0
"""Seconds for a whole body."""
HEAD_KEPT: Final = 4096
"""Bytes kept of a body that was too large or never complete."""
_COMPRESSED: Final = frozenset({b"gzip", b"x-gzip", b"deflate", b"compress", b"br", b"zstd"})
_SECRET_HEADERS: Final = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})
_PRIVATE: Final = (b"cache-control", b"private")
"""CloudEvents web hooks 3.2: what answers a token in the query may not be cached by others."""


class _Refuse(Exception):
    """The request ends here with this answer; `body` is what has been read of it so far."""

    def __init__(
        self, status: int, message: str, body: bytes = b"", *, unread: bool = False
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.body = body
        self.unread = unread


class _Gone(Exception):
    """The sender hung up before its body was complete."""


class Receipts:
    """Makes receipt ids: unique over processes and time, in order within a process."""

    def __init__(self) -> None:
        self._process = secrets.token_hex(4)
        self._count = itertools.count()

    def new(self, milliseconds: int) -> str:
        """27 characters: time, process, count."""
        return f"{milliseconds:011x}{self._process}{next(self._count) & 0xFFFFFFFF:08x}"


class Door:
    """What all routes share: who may come in, where it is kept, and what is counted."""

    def __init__(
        self, settings: Settings, credentials: Credentials, intake: Intake, gate: Gate
    ) -> None:
        self.max_body = settings.max_body_bytes
        self.listeners = frozenset(listener.name for listener in settings.listeners)
        self.credentials = credentials
        self.intake = intake
        self.gate = gate
        self.receipts = Receipts()
        self.answered: Counter[tuple[str, int]] = Counter()
        """(callback, status) -> how often."""

    def knows(self, listener: str) -> bool:
        """Whether the URL names one of our listeners; any well-formed name while none is named."""
        if self.listeners:
            return listener in self.listeners
        return LISTENER_NAME.fullmatch(listener) is not None


class Route:
    """One callback behind the door, as an ASGI application."""

    def __init__(self, door: Door, callback: Callback) -> None:
        self._door = door
        self._callback = callback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Every way out is a line of DESIGN.md's table of answers."""
        listener = scope["path_params"].get("listener", "default")
        try:
            credential = self._admit(scope, listener)
            with self._door.gate:
                body = await _read(scope, receive, self._door.max_body)
                receipt = await self._keep(scope, credential, listener, body)
        except _Gone:
            self._door.answered[self._callback.name, 0] += 1
        except _Refuse as refused:
            await self._refuse(scope, receive, send, listener, refused)
        except Exception as error:  # noqa: BLE001 - a fault of ours, whatever it is, is a 503
            log.error("door.fault", callback=self._callback.name, error=type(error).__name__)
            fault = _Refuse(503, "the receiver failed on this request", unread=True)
            await self._refuse(scope, receive, send, listener, fault)
        else:
            self._door.answered[self._callback.name, 204] += 1
            headers = [(b"x-receipt-id", receipt.encode()), *answer.correlator(scope["headers"])]
            if scope["query_string"]:
                headers.append(_PRIVATE)
            await answer.send_answer(send, 204, headers)

    def _admit(self, scope: Scope, listener: str) -> Credential:
        """Everything that can be said before the first body byte."""
        if scope["method"] != "POST":
            raise _Refuse(405, "this address takes POST", unread=True)
        if not self._door.knows(listener):
            raise _Refuse(404, "there is no such listener", unread=True)
        try:
            credential = self._door.credentials.admit(
                tokens(scope["headers"], scope["query_string"])
            )
        except Unauthenticated:
            raise _Refuse(401, "a valid bearer credential is required", unread=True) from None
        except Undecided:
            raise _Refuse(503, "credentials cannot be checked just now", unread=True) from None
        if self._door.gate.closed:
            raise _Refuse(503, "the receiver cannot store anything just now", unread=True)
        if self._door.gate.full:
            raise _Refuse(429, "too many requests are in flight", unread=True)
        return credential

    async def _keep(self, scope: Scope, credential: Credential, listener: str, body: bytes) -> str:
        """Check the whole request and hand it over; returns its receipt id once it is durable."""
        now = time.time_ns() // 1_000_000
        receipt = self._door.receipts.new(now)
        if credential.listener is not None and credential.listener != listener:
            raise _Refuse(403, "this credential is for another listener", body)
        reading, content_type = self._check(scope, body)
        name = self._callback.name
        accepted = [
            encode(Notification(name, listener, receipt, now, content_type, item))
            for item in reading.accepted
        ]
        refused = [
            encode(Refusal(name, listener, receipt, now, 400, item.reason, [], item.body))
            for item in reading.refused
        ]
        if accepted or refused:
            await self._durable(accepted, refused, body)
        return receipt

    def _check(self, scope: Scope, body: bytes) -> tuple[Reading, str]:
        content_type = ""
        for name, value in scope["headers"]:
            if name == b"content-type":
                content_type = value.decode("latin-1")
            elif name == b"content-encoding" and value.strip().lower() in _COMPRESSED:
                raise _Refuse(415, "compressed bodies are not taken: send it as it is", body)
        try:
            return self._callback.read(Request(content_type, scope["headers"], body)), content_type
        except Rejected as rejected:
            raise _Refuse(rejected.status, rejected.reason, body) from None

    async def _durable(self, accepted: list[bytes], refused: list[bytes], body: bytes) -> None:
        try:
            await self._door.intake.keep(accepted, refused)
        except Overloaded:
            raise _Refuse(429, "too many notifications are waiting to be stored") from None
        except Unavailable:
            raise _Refuse(503, "the receiver could not store this in time") from None

    async def _refuse(
        self, scope: Scope, receive: Receive, send: Send, listener: str, refused: _Refuse
    ) -> None:
        """Keep what is authentic (503 if that fails), then answer."""
        status, message = refused.status, refused.message
        if status in (400, 403, 408, 413, 415):
            try:
                await self._durable([], [self._refusal(scope, listener, refused)], b"")
            except _Refuse as worse:
                status, message = worse.status, worse.message
        self._door.answered[self._callback.name, status] += 1
        headers, body = answer.problem(self._callback, status, message)
        headers += answer.correlator(scope["headers"])
        if refused.unread:
            await answer.send_and_close(scope, receive, send, (status, headers, body))
        else:
            await answer.send_answer(send, status, headers, body)

    def _refusal(self, scope: Scope, listener: str, refused: _Refuse) -> bytes:
        now = time.time_ns() // 1_000_000
        return encode(
            Refusal(
                self._callback.name,
                listener,
                self._door.receipts.new(now),
                now,
                refused.status,
                refused.message,
                _shown(scope["headers"]),
                refused.body if not refused.unread else refused.body[:HEAD_KEPT],
            )
        )


def _shown(headers: Headers) -> list[tuple[str, str]]:
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    return [(name, value) for name, value in pairs if name not in _SECRET_HEADERS]


async def _read(scope: Scope, receive: Receive, cap: int) -> bytes:
    """The whole body, counted as it comes, complete within `BODY_WITHIN`."""
    for name, value in scope["headers"]:
        if name == b"content-length" and int(value) > cap:
            raise _Refuse(413, f"the body may have {cap} bytes at most", unread=True)
    chunks: list[bytes] = []
    try:
        async with asyncio.timeout(BODY_WITHIN):
            await _collect(receive, chunks, cap)
    except TimeoutError:
        raise _Refuse(
            408, f"the body was not complete after {BODY_WITHIN:.0f} s", _head(chunks), unread=True
        ) from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _collect(receive: Receive, chunks: list[bytes], cap: int) -> None:
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise _Gone
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(chunk)
        chunks.append(chunk)
        if size > cap:
            raise _Refuse(413, f"the body may have {cap} bytes at most", _head(chunks), unread=True)


def _head(chunks: list[bytes]) -> bytes:
    return b"".join(chunks)[:HEAD_KEPT]
