"""Answers on the wire, also those that a framework would not send: cut, slow, or none."""

import asyncio
import contextlib
import socket
import struct
from typing import Any, Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from receiver.simulate.att_gateway.faults import Strike
from receiver.simulate.att_gateway.handover import Handover, Handovers
from receiver.simulate.serving import Connection, connection, gone

_PIECES: Final = 10
_LINGER: Final = 5.0
"""Seconds that a client has to close after a body that ended too early."""


class Transfer(Response):
    """A response that comes as its fault has it; what it hands over is noted as it is written."""

    def __init__(
        self,
        whole: Response,
        strike: Strike | None,
        handover: Handover | None = None,
        handovers: Handovers | None = None,
    ) -> None:
        super().__init__()
        self.status_code = whole.status_code
        self.raw_headers = whole.raw_headers
        self._body = bytes(whole.body)
        self._effect = strike.effect if strike else ""
        self._strike = strike
        self._handover = handover
        self._now = handovers.now if handovers else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, wholly or not. A slow one ends with the server, without a word."""
        client = connection(scope)
        self._watch(client)
        try:
            await self._transfer(client.transport, receive, send)
        except asyncio.CancelledError:
            client.transport.abort()
            await gone(receive)

    async def _transfer(self, transport: asyncio.Transport, receive: Receive, send: Send) -> None:
        if self._effect == "no_answer":
            self._end("unanswered")
            transport.close()
            return await gone(receive)
        head = {"type": "http.response.start", "status": self.status_code}
        await send({**head, "headers": self.raw_headers})
        until = self._cut()
        if until:
            await self._write(receive, send, self._body[:until])
        if self._effect == "cut_fin":
            self._end("fin")
            return await _finish(transport, receive)
        if self._effect == "cut_rst":
            self._end("rst")
            _reset(transport)
            return await gone(receive)
        if self._strike and self._effect == "stall":
            await _gone_within(self._strike.seconds, receive)
        await self._write(receive, send, self._body[until:], last=True)
        return None

    def _watch(self, client: Connection) -> None:
        """Follow the connection to its end. That it is the client who ends it tells whether all
        was read: a killed process with unread bytes resets it.
        """
        handover, now = self._handover, self._now
        if not handover or not now:
            return
        client.watch = lambda error: handover.close(now(), error)
        if client.cycle:
            client.cycle.keep_alive = True

    def _cut(self) -> int:
        """Return how much of the body comes before the cut, or before the pause."""
        if self._strike and self._effect in ("cut_fin", "cut_rst", "stall"):
            return max(0, min(int(len(self._body) * self._strike.at), len(self._body) - 1))
        return 0

    async def _write(
        self, receive: Receive, send: Send, body: bytes, *, last: bool = False
    ) -> None:
        pieces = [body]
        pause = 0.0
        if self._strike and self._effect == "drip":
            size = max(1, -(-len(body) // _PIECES))
            pieces = [body[begin : begin + size] for begin in range(0, len(body), size)] or [b""]
            pause = self._strike.seconds / max(1, len(pieces) - 1)
        for number, piece in enumerate(pieces, 1):
            ends = last and number == len(pieces)
            message = {"type": "http.response.body", "body": piece, "more_body": not ends}
            self._note(len(piece), ends=ends)
            await send(message)
            if pause and not ends:
                await _gone_within(pause, receive)

    def _note(self, size: int, *, ends: bool) -> None:
        found = self._handover
        if not found or found.closed:
            return
        found.sent += size
        if ends:
            found.end = "whole"

    def _end(self, how: Any) -> None:
        if self._handover and not self._handover.end:
            self._handover.end = how


async def _gone_within(seconds: float, receive: Receive) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await gone(receive)


async def _finish(transport: asyncio.Transport, receive: Receive) -> None:
    """End our side only: how the client closes shows whether it was there to read."""
    transport.write_eof()
    await _gone_within(_LINGER, receive)
    transport.abort()


def _reset(transport: asyncio.Transport) -> None:
    """Close with a reset in place of an orderly end."""
    raw: socket.socket = transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
