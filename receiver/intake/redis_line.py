"""A connection to Redis once redis-py has opened it: commands go out, replies come in their order.

redis-py's own way takes five coroutines, a stream and two timers for each reply, which is most of
what a lone notification waited for beside Redis itself.
"""

import asyncio
from collections import deque
from typing import Any, Final

from hiredis import PushNotification, Reader
from redis._parsers.base import BaseParser
from redis.exceptions import ConnectionError as LineClosed
from redis.exceptions import InvalidResponse

_CLOSED: Final = "the server closed the connection"
_NO_REDIS: Final = (InvalidResponse, IndexError, TypeError, ValueError)
"""What reading raises where no Redis answers, or one that says more than asked: the last two come
of errors that redis-py takes apart (`-MOVED x`), and of maps with a list for a key."""


class RedisLine(asyncio.Protocol):
    """Takes over the transport of a connection that is connected and awaits no reply."""

    def __init__(self, transport: asyncio.Transport, within: float) -> None:
        """`within`: seconds that a reply may take."""
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._within = within
        self._reader = Reader(protocolError=InvalidResponse, replyError=BaseParser.parse_error)
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        transport.set_protocol(self)

    def ask(self, packed: bytes) -> "asyncio.Future[Any]":
        """Send one command and return its reply, or the error that the server replied.

        Any other failure ends all that wait, with one of `DOWN`; the connection is of no use then.
        """
        reply: asyncio.Future[Any] = self._loop.create_future()
        if self._transport.is_closing():
            reply.set_exception(LineClosed(_CLOSED))
            return reply
        self._transport.write(packed)
        self._waiting.append(reply)
        self._due = self._loop.time() + self._within
        if self._timer is None:
            self._timer = self._loop.call_later(self._within, self._look)
        return reply

    def data_received(self, data: bytes) -> None:
        """Give each reply to who has waited longest."""
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not False:
                if not isinstance(reply, PushNotification):
                    self._settle(reply)
        except _NO_REDIS as error:
            self._transport.abort()
            self._end(LineClosed(type(error).__name__))

    def connection_lost(self, exc: Exception | None) -> None:
        """End all that wait."""
        if self._timer:
            self._timer.cancel()
        self._end(LineClosed(_CLOSED))

    def _settle(self, reply: Any) -> None:
        waiting = self._waiting.popleft()
        if waiting.done():  # cancelled
            return
        if isinstance(reply, Exception):
            waiting.set_exception(reply)
        else:
            waiting.set_result(reply)

    def _look(self) -> None:
        """One timer at a time, however many replies came while it ran."""
        self._timer = None
        if not self._waiting:
            return
        left = self._due - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        else:
            self._end(TimeoutError())

    def _end(self, error: Exception) -> None:
        while self._waiting:
            if not (waiting := self._waiting.popleft()).done():
                waiting.set_exception(error)
                waiting.exception()  # heard: nobody may be there who awaits it
