"""The answers to the requests of one callback: each is counted, and made in the carrier's form."""

import time
from typing import Final

import structlog

from receiver.carriers.carrier import Callback
from receiver.intake.accept import Accepted
from receiver.runtime.logs import Seldom
from receiver.web import responses
from receiver.web.context import Context
from receiver.web.rejection import Refuse, log_refusal
from receiver.web.request import Request
from receiver.web.responses import Headers, Response
from receiver.web.tracing import RequestSpans

_PRIVATE: Final = (b"cache-control", b"private")
"""CloudEvents web hooks, section 3.2: the response to a token in the query may not be cached by
others."""

_seldom = Seldom(structlog.get_logger())


class Answers:
    """Makes each answer of a callback; with it the request is counted and its span ends."""

    def __init__(self, context: Context, callback: Callback, spans: RequestSpans) -> None:
        self._context = context
        self._callback = callback
        self._spans = spans
        self._acknowledged = responses.acknowledgement(callback)

    def acknowledge(self, request: Request, accepted: Accepted, began: float) -> Response:
        """Return the answer to what is durable now; `began` is when storing began, by
        `time.perf_counter`.
        """
        for refusal in accepted.refusals:
            log_refusal(refusal)
        if accepted.notifications:
            self._context.counters.heard[request.listener] = request.received
            self._context.acknowledged.took(time.perf_counter() - began)
        status, entity, body = self._acknowledged
        headers = [(b"x-receipt-id", accepted.receipt.encode()), *entity]
        headers += responses.correlator(request.headers)
        if request.query:
            headers.append(_PRIVATE)
        return self._counted(request, Response(status, headers, body))

    def grant(self, request: Request, permission: Headers) -> Response:
        """Return the answer that grants a handshake."""
        return self._counted(request, Response(200, permission))

    def refuse(self, request: Request, refused: Refuse, receipt: str = "") -> Response:
        """Return the answer to a refused request; with its receipt if it is kept."""
        if refused.counted:
            self._context.unauthenticated.count(self._callback.name, refused.counted)
        headers, body = responses.problem(self._callback, refused.status, refused.message)
        if refused.status == 405:
            headers.append((b"allow", self._allowed()))
            if request.method == "OPTIONS" and self._callback.handshake:
                # A handshake that is not granted is answered by its status alone.
                headers, body = [(b"allow", self._allowed()), (b"content-length", b"0")], b""
        headers += responses.correlator(request.headers)
        if receipt:
            headers.append((b"x-receipt-id", receipt.encode()))
        response = Response(refused.status, headers, body, refused.unread)
        return self._counted(request, response)

    def abandon(self, request: Request) -> None:
        """Count a request whose sender hung up before its body was complete: no answer."""
        self._count(0)
        self._spans.end(request, None)

    def log_fault(self, error: Exception) -> None:
        """Say that something of ours failed on a request; never what was in it."""
        name = self._callback.name
        _seldom.say("error", "request.fault", callback=name, error=type(error).__name__)

    def _allowed(self) -> bytes:
        asked = self._callback.handshake and self._context.rules.handshake.origins
        return b"POST, OPTIONS" if asked else b"POST"

    def _counted(self, request: Request, response: Response) -> Response:
        self._count(response.status)
        self._spans.end(request, response)
        return response

    def _count(self, status: int) -> None:
        self._context.counters.answered[self._callback.name, status] += 1
