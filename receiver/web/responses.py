"""Responses: their form per carrier, and sending them before the body has been read."""

import asyncio
import re
from http import HTTPStatus
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from starlette.types import Message, Receive, Scope, Send

from receiver.carriers.carrier import Callback
from receiver.carriers.formats import problem_details

LINGER_SECONDS: Final = 2.0
LINGER_BYTES: Final = 4 * 1024 * 1024
"""How long and how much of an unwanted body is read and discarded before the connection is closed.

Closing at once would reset the connection under a sender that is still writing, which would then
never read the response.
"""
RETRY_AFTER: Final = {429: b"1", 503: b"5"}
_CORRELATOR: Final = re.compile(rb"[a-zA-Z0-9\-_:;./<>{}]{0,256}")
"""CAMARA Commonalities, API Design Guide, x-correlator; what does not match is not echoed."""

Headers = list[tuple[bytes, bytes]]


class Response(Struct, frozen=True):
    """One complete response."""

    status: int
    headers: Headers
    body: bytes = b""
    close: bool = False
    """Whether the connection ends with it, because the body was not wanted."""

    def closing(self) -> "Response":
        """Return the same response as the connection's last."""
        return replace(self, close=True)


def correlator(headers: Headers) -> Headers:
    """Return the x-correlator to echo, as header pairs; empty when there is none."""
    for name, value in headers:
        if name == b"x-correlator" and _CORRELATOR.fullmatch(value):
            return [(name, value)]
    return []


def acknowledgement(callback: Callback) -> tuple[int, Headers, bytes]:
    """Return status, headers and body of the answer to what is durable."""
    if not (own := callback.acknowledgement):
        return 204, [], b""
    length = str(len(own.body)).encode()
    headers = [(b"content-type", own.content_type.encode()), (b"content-length", length)]
    return own.status, headers, own.body


def problem(callback: Callback, status: int, message: str) -> tuple[Headers, bytes]:
    """Return headers and body of an error response in the carrier's own form."""
    content_type, body = callback.problem(status, message)
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if status in RETRY_AFTER:
        headers.append((b"retry-after", RETRY_AFTER[status]))
    return headers, body


def error_message(status: int, message: str) -> bytes:
    """Return the bytes of an error response to what is no request of a carrier's yet."""
    content_type, body = problem_details.problem(status, message)
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nconnection: close\r\n"
        f"content-type: {content_type}\r\ncontent-length: {len(body)}\r\n"
    ).encode()
    if status in RETRY_AFTER:
        head += b"retry-after: " + RETRY_AFTER[status] + b"\r\n"
    return head + b"\r\n" + body


async def send_response(send: Send, response: Response) -> None:
    """Send a whole response."""
    head = {"type": "http.response.start", "status": response.status}
    await send({**head, "headers": response.headers})
    await send({"type": "http.response.body", "body": response.body})


def closing(scope: Scope, receive: Receive, send: Send) -> Send:
    """Return a `send` for a response before the body has been read: after it the connection reads
    on for a while, then closes.
    """

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
        elif not message.get("more_body", False):
            await send({**message, "more_body": True})
            if not any(name == b"expect" for name, _ in scope["headers"]):
                await _linger(receive)
            message = {"type": "http.response.body", "body": b""}
        await send(message)

    return sending


async def _linger(receive: Receive) -> None:
    discarded = 0
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            while discarded < LINGER_BYTES:
                message = await receive()
                discarded += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
    except TimeoutError:
        return
