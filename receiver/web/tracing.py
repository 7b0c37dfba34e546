"""The spans of requests: one server span each, whatever its response; or none where traces are off.

A request is told by its method, callback, listener, receipt and status, and nothing else. Whose
child it says it is counts only once it is admitted: a stranger's span is nobody's child, and the
listener it asked for is not written down, for it may be anything.
"""

import time
from typing import TYPE_CHECKING, Any, Final

from receiver.carriers.carrier import Callback
from receiver.runtime.tracing.context import sent
from receiver.web.request import Request
from receiver.web.responses import Response

if TYPE_CHECKING:
    from receiver.runtime.tracing.spans import Span, Tracer

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

    def begin(self, request: Request) -> None:
        """Note when a request began."""
        request.span = time.time_ns()

    def admit(self, request: Request) -> None:
        """Begin the span of an admitted request, as the child it says it is."""
        span = request.span = self._span(request, sent(request.headers))
        request.trace = span.carried

    def end(self, request: Request, response: Response | None) -> None:
        """End a request's span with its response, named as OpenTelemetry's semantic conventions for
        HTTP servers have it.
        """
        span: Any = request.span if request.trace else self._span(request, "")
        if not span.sampled:
            return
        attributes: list[tuple[str, str | int]] = [
            ("http.request.method", _method(request)),
            ("http.route", self._path),
            ("receiver.kind", self._name),
        ]
        if request.trace:
            attributes.append(("receiver.listener", request.listener))
        receipt = failure = ""
        if response:
            attributes.append(("http.response.status_code", response.status))
            failure = f"answered {response.status}" if response.status >= 500 else ""
            receipt = next((v.decode() for n, v in response.headers if n == b"x-receipt-id"), "")
        self._tracer.end(span, tuple(attributes), receipt=receipt, failure=failure)

    def _span(self, request: Request, parent: str) -> "Span":
        began: Any = request.span
        return self._tracer.begin(f"{_method(request)} {self._path}", "server", parent, at=began)


def _method(request: Request) -> str:
    return request.method if request.method in _METHODS else "_OTHER"
