"""The spans of requests: one server span each, whatever its response; or none where traces are off.

A request is told by its method, callback, listener, receipt and status, and nothing else. Whose
child it says it is counts only once it is admitted: the span of an unauthenticated request is
nobody's child, and the listener it asked for is not recorded, for it may be anything.
"""

import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from receiver.carriers.carrier import Callback
from receiver.runtime.tracing.context import sent
from receiver.runtime.tracing.encoding import FORMS, form
from receiver.web.request import Request
from receiver.web.responses import Response

if TYPE_CHECKING:
    from receiver.runtime.tracing.spans import Tracer

_METHODS: Final = frozenset({"POST", "OPTIONS", "GET", "HEAD", "PUT", "DELETE", "PATCH"})


class RequestSpans:
    """The spans of requests where traces are off: does nothing."""

    def begin(self, request: Request) -> None:
        """Note when a request began."""

    def admit(self, request: Request) -> None:
        """Begin the span of an admitted request, as the child it says it is."""

    def end(self, request: Request, response: Response | None) -> None:
        """End a request's span with its response; None where the sender hung up."""


class TracedRequestSpans(RequestSpans):
    """The spans of one carrier's callback."""

    def __init__(self, tracer: "Tracer", callback: Callback) -> None:
        self._tracer = tracer
        self._name = callback.name
        self._path = f"{callback.path}/{{listener}}"
        self._form = lru_cache(maxsize=FORMS)(self._encode)

    def begin(self, request: Request) -> None:
        """Note when a request began."""
        request.span = time.time_ns()

    def admit(self, request: Request) -> None:
        """Begin the span of an admitted request, as the child it says it is."""
        began: Any = request.span
        span = request.span = self._tracer.begin(sent(request.headers), at=began)
        request.trace = span.carried

    def end(self, request: Request, response: Response | None) -> None:
        """End a request's span with its response; that of a request which was not admitted begins
        only here.
        """
        span: Any = request.span
        listener: str | None = request.listener
        if not request.trace:
            span, listener = self._tracer.begin(at=span), None
        if not span.sampled:
            return
        receipt, status = b"", response.status if response else None
        for name, value in response.headers if response else ():
            if name == b"x-receipt-id":
                receipt = value
                break
        method = request.method if request.method in _METHODS else "_OTHER"
        self._tracer.end(span, self._form(method, listener, status), receipt)

    def _encode(self, method: str, listener: str | None, status: int | None) -> bytes:
        """Encode what the spans of many requests have in common, named as OpenTelemetry's semantic
        conventions for HTTP servers have it.
        """
        attributes = {
            "http.request.method": method,
            "http.route": self._path,
            "receiver.kind": self._name,
            "receiver.listener": listener,
            "http.response.status_code": status,
        }
        failure = f"answered {status}" if status and status >= 500 else ""
        return form(f"{method} {self._path}", "server", attributes, failure)
