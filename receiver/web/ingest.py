"""The one request path, for every carrier: authenticate, read, check, hand over, answer."""

import asyncio
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from starlette.types import Receive, Scope, Send

from receiver.auth.bearer import Credential, Unauthenticated, Undecided, tokens
from receiver.carriers.carrier import Callback
from receiver.contract.records import Notification, Refusal, encode
from receiver.intake.validate import check, fault
from receiver.intake.waiting_requests import Overloaded, Unavailable
from receiver.web import responses, webhook_handshake
from receiver.web.context import Door
from receiver.web.protocol import ADMITTED, is_whole
from receiver.web.rejection import Refuse, say, shown
from receiver.web.request_body import Gone
from receiver.web.responses import Headers

Answer = Callable[[int, Headers, bytes], None]
"""Sends a whole answer at once: status, headers, body."""
TRACE: Final = "receiver.trace"
"""Where the scope says which trace a request belongs to, if there are traces."""
_FULL: Final = "too many requests are in flight"
_NOT_IN_TIME: Final = "the receiver could not store this in time"
_PRIVATE: Final = (b"cache-control", b"private")
"""CloudEvents web hooks 3.2: what answers a token in the query may not be cached by others."""


class Taken(NamedTuple):
    """One request as it is to be stored."""

    listener: str
    receipt: str
    received: int
    """Milliseconds since 1970."""
    began: float
    """On the performance counter, when its last byte was in."""
    accepted: list[bytes]
    refused: list[Refusal]


class Route:
    """One callback behind the door: ASGI, but for the listener, which the path names."""

    def __init__(self, door: Door, callback: Callback) -> None:
        self._door = door
        self._callback = callback
        asked = callback.handshake and bool(door.handshake.origins)
        self._allow = b"POST, OPTIONS" if asked else b"POST"

    def at_once(self, scope: Scope, body: bytes, listener: str, send: Answer) -> bool:
        """The short way of a request that is all there and all right; False sends it the long way,
        with nothing done yet.

        `send` is called once, as soon as it is durable or can no longer be in time. No task, no
        future and no coroutine is made for it: they cost more than all that is done here.
        """
        door, size = self._door, len(body)
        if size > door.bodies.cap:
            return False

        def tell(failure: Unavailable | None) -> None:
            door.gate.leave(size)
            self._tell(scope, taken, failure, send)

        full = door.gate.full
        try:
            credential = self._admit(scope, listener)
            if not full:
                taken = self._take(scope, credential, listener, body)
                door.intake.take(taken.accepted, [encode(each) for each in taken.refused], tell)
        except (Refuse, Overloaded):
            return False
        except Exception as error:  # noqa: BLE001 - a fault of ours, which the long way answers
            fault(self._callback, error)
            return False
        if full:
            # What is too much is refused at the least cost, or it would slow what is not.
            self._refuse_at_once(scope, Refuse(429, _FULL), send)
        else:
            door.gate.enter(size)
        return True

    def _tell(self, scope: Scope, taken: Taken, failure: Unavailable | None, send: Answer) -> None:
        """Called by the intake, for which nothing may go wrong in here."""
        try:
            if failure is None:
                send(204, self._kept(scope, taken), b"")
            else:
                self._refuse_at_once(scope, Refuse(503, _NOT_IN_TIME), send)
        except Exception as error:  # noqa: BLE001 - the others are still to be told
            fault(self._callback, error)

    def _refuse_at_once(self, scope: Scope, refused: Refuse, send: Answer) -> None:
        """For what leaves no more than a count."""
        self._count(refused)
        send(refused.status, *self._no(scope, refused))

    async def answer(self, scope: Scope, receive: Receive, send: Send, listener: str) -> None:
        """Answer one request. Every way out is a line of DESIGN.md's table of answers."""
        try:
            if scope["method"] != "POST" and (granted := self._granted(scope, listener)):
                self._door.meter.answered[self._callback.name, 200] += 1
                await responses.send_answer(send, 200, granted)
                return
            credential = self._admit(scope, listener)
            if self._door.gate.full:
                # Where there is nothing to wait for, the connection stays: a new one costs more
                # than the answer.
                unread = not is_whole(receive)
                raise Refuse(429, _FULL, unread=unread)
            with self._door.gate.visit() as visit:
                body = await self._door.bodies.read(scope, receive, visit)
                taken = self._take(scope, credential, listener, body)
                await self._durable(taken.accepted, [encode(each) for each in taken.refused])
        except asyncio.CancelledError:
            # The server is stopping and waits no longer: another process will take it.
            stopping = Refuse(503, "the receiver is stopping", unread=True)
            await self._refuse(scope, receive, send, listener, stopping)
        except Gone:
            self._door.meter.answered[self._callback.name, 0] += 1
        except Refuse as refused:
            await self._refuse(scope, receive, send, listener, refused)
        except Exception as error:  # noqa: BLE001 - a fault of ours, whatever it is, is a 503
            fault(self._callback, error)
            await self._refuse(scope, receive, send, listener, Refuse.fault(unread=True))
        else:
            await responses.send_answer(send, 204, self._kept(scope, taken))

    def _granted(self, scope: Scope, listener: str) -> Headers | None:
        """The answer to a handshake, which needs no credential; None where there is none."""
        if scope["method"] != "OPTIONS" or not self._callback.handshake:
            return None
        if not self._door.knows(listener):
            return None
        return webhook_handshake.permission(self._door.handshake, scope["headers"])

    def _admit(self, scope: Scope, listener: str) -> Credential:
        """Everything that can be said before the first body byte."""
        if scope["method"] != "POST":
            raise Refuse(405, "this address takes POST", unread=True)
        if not self._door.knows(listener):
            raise Refuse(404, "there is no such listener", unread=True)
        try:
            credential = self._door.credentials.admit(
                tokens(scope["headers"], scope["query_string"])
            )
        except Unauthenticated as stranger:
            raise Refuse.stranger(stranger.reason) from None
        except Undecided:
            raise Refuse(503, "credentials cannot be checked just now", unread=True) from None
        scope[ADMITTED] = True
        if self._door.gate.closed:
            raise Refuse(503, "the receiver cannot store anything just now", unread=True)
        return credential

    def _take(self, scope: Scope, credential: Credential, listener: str, body: bytes) -> Taken:
        """Check the whole request; what is left to do is to store it. Raises `Refuse`."""
        now, began = time.time_ns() // 1_000_000, time.perf_counter()
        receipt = self._door.receipts.new(now)
        if credential.listener is not None and credential.listener != listener:
            raise Refuse(403, "this credential is for another listener", body)
        reading, content_type = check(self._callback, scope, body)
        name, trace = self._callback.name, scope.get(TRACE, "")
        accepted = [
            encode(Notification(name, listener, receipt, now, content_type, item, trace))
            for item in reading.accepted
        ]
        refused = [
            Refusal(name, listener, receipt, now, 400, item.reason, [], item.body)
            for item in reading.refused
        ]
        return Taken(listener, receipt, now, began, accepted, refused)

    def _kept(self, scope: Scope, taken: Taken) -> Headers:
        """It is durable: count it, and say so in the headers of the answer."""
        meter = self._door.meter
        for refusal in taken.refused:
            say(refusal)
        if taken.accepted:
            meter.heard[taken.listener] = taken.received
            self._door.acknowledged.took(time.perf_counter() - taken.began)
        meter.answered[self._callback.name, 204] += 1
        headers = [(b"x-receipt-id", taken.receipt.encode())]
        headers += responses.correlator(scope["headers"])
        if scope["query_string"]:
            headers.append(_PRIVATE)
        return headers

    async def _durable(self, accepted: list[bytes], refused: list[bytes]) -> None:
        try:
            await self._door.intake.keep(accepted, refused)
        except Overloaded:
            raise Refuse(429, "too many notifications are waiting to be stored") from None
        except Unavailable:
            raise Refuse(503, _NOT_IN_TIME) from None

    async def _refuse(
        self, scope: Scope, receive: Receive, send: Send, listener: str, refused: Refuse
    ) -> None:
        """Keep or count what is refused (503 if it cannot be kept), then answer."""
        told: Headers = []
        if refused.kept:
            refusal = self._refusal(scope, listener, refused)
            try:
                await self._durable([], [encode(refusal)])
                told = [(b"x-receipt-id", refusal.receipt.encode())]
                say(refusal)
            except Refuse as worse:
                worse.unread = refused.unread
                refused = worse
        self._count(refused)
        headers, body = self._no(scope, refused)
        if refused.unread:
            await responses.send_and_close(
                scope, receive, send, (refused.status, headers + told, body)
            )
        else:
            await responses.send_answer(send, refused.status, headers + told, body)

    def _count(self, refused: Refuse) -> None:
        if refused.counted:
            self._door.tally.count(self._callback.name, refused.counted)
        self._door.meter.answered[self._callback.name, refused.status] += 1

    def _no(self, scope: Scope, refused: Refuse) -> tuple[Headers, bytes]:
        headers, body = responses.problem(self._callback, refused.status, refused.message)
        if refused.status == 405:
            headers.append((b"allow", self._allow))
            if scope["method"] == "OPTIONS" and self._callback.handshake:
                # A handshake that is not granted is answered by its status alone.
                headers, body = [(b"allow", self._allow), (b"content-length", b"0")], b""
        return headers + responses.correlator(scope["headers"]), body

    def _refusal(self, scope: Scope, listener: str, refused: Refuse) -> Refusal:
        now = time.time_ns() // 1_000_000
        return Refusal(
            self._callback.name,
            listener,
            self._door.receipts.new(now),
            now,
            refused.status,
            refused.message,
            shown(scope["headers"], tokens(scope["headers"], scope["query_string"])),
            refused.body,
        )
