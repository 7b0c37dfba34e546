"""A connection to Redis once redis-py has opened it: sends commands, and receives their replies in
order.

redis-py's own way takes five coroutines, a stream and two timers for each reply, which is most of
what a lone notification waited for beside Redis itself.
"""

import asyncio
from collections import deque
from typing import Any, Final

from hiredis import PushNotification, Reader
from redis._parsers.base import BaseParser
from redis.exceptions import ConnectionError as ConnectionClosed
from redis.exceptions import InvalidResponse

_CLOSED: Final = "the server closed the connection"
_NOT_REDIS: Final = (InvalidResponse, IndexError, TypeError, ValueError)
"""Errors of reading what is not Redis's, or more replies than commands. The last two come of error
replies that redis-py takes apart (`-MOVED x`), and of maps with a list for a key."""


class RedisProtocol(asyncio.Protocol):
    """Takes over the transport of a connection that is open and awaits no reply."""

    def __init__(self, transport: asyncio.Transport, within: float) -> None:
        """`within`: seconds that a reply may take."""
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._within = within
        self._reader = Reader(protocolError=InvalidResponse, replyError=BaseParser.parse_error)
        self._awaited: deque[asyncio.Future[Any]] = deque()
        """The replies that have not come, in the order of their commands."""
        self._deadline = 0.0
        """Of the last of them, by the loop's clock."""
        self._timer: asyncio.TimerHandle | None = None
        transport.set_protocol(self)

    def send(self, packed: bytes) -> "asyncio.Future[Any]":
        """Send one command and return a future of its reply, or of the error that Redis replied.

        After any other failure, which is one of `DOWN`, all futures have failed and the connection
        is of no use.
        """
        reply: asyncio.Future[Any] = self._loop.create_future()
        if self._transport.is_closing():
            reply.set_exception(ConnectionClosed(_CLOSED))
            return reply
        self._transport.write(packed)
        self._awaited.append(reply)
        self._deadline = self._loop.time() + self._within
        if self._timer is None:
            self._timer = self._loop.call_later(self._within, self._check_deadline)
        return reply

    def data_received(self, data: bytes) -> None:
        """Set each reply that is complete, in the order of the commands."""
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not False:
                if not isinstance(reply, PushNotification):
                    self._set(reply)
        except _NOT_REDIS as error:
            self._transport.abort()
            self._fail(ConnectionClosed(type(error).__name__))

    def connection_lost(self, exc: Exception | None) -> None:
        """End the wait for every reply that has not come."""
        self._fail(ConnectionClosed(_CLOSED))

    def _set(self, reply: Any) -> None:
        awaited = self._awaited.popleft()
        if awaited.done():  # cancelled
            return
        if isinstance(reply, Exception):
            awaited.set_exception(reply)
        else:
            awaited.set_result(reply)

    def _check_deadline(self) -> None:
        """Fail replies that are late. One timer runs at a time, however many commands are sent."""
        self._timer = None
        if not self._awaited:
            return
        left = self._deadline - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._check_deadline)
        else:
            self._fail(TimeoutError())

    def _fail(self, error: Exception) -> None:
        while self._awaited:
            if not (awaited := self._awaited.popleft()).done():
                awaited.set_exception(error)
                awaited.exception()  # else asyncio logs it where its awaiter is gone
