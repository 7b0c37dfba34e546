"""The carriers' routes with traces: one server span per request, whatever its answer."""

import time
from typing import TYPE_CHECKING, Any, Final

from starlette.types import Message, Receive, Scope, Send

from receiver.auth.bearer import Credential
from receiver.carriers.carrier import Callback
from receiver.runtime.tracing.context import sent
from receiver.web.context import Door
from receiver.web.ingest import TRACE, Answer, Route
from receiver.web.responses import Headers

if TYPE_CHECKING:
    from receiver.runtime.tracing.spans import Span, Tracer

_METHODS: Final = frozenset({"POST", "OPTIONS", "GET", "HEAD", "PUT", "DELETE", "PATCH"})
_SPAN: Final = "receiver.span"


class TracedRoute(Route):
    """A request is told by its method, callback, listener, receipt and status, and nothing else.

    Whose child it says it is counts only once it is admitted: a stranger's span is nobody's child,
    and the listener it asked for is not written down, for it may be anything.
    """

    def __init__(self, tracer: "Tracer", door: Door, callback: Callback) -> None:
        super().__init__(door, callback)
        self._tracer = tracer
        self._path = f"{callback.path}/{{listener}}"

    def at_once(self, scope: Scope, body: bytes, listener: str, send: Answer) -> bool:
        """As without traces. What goes the long way is admitted again there, and begins anew."""

        def noting(status: int, headers: Headers, content: bytes) -> None:
            send(status, headers, content)
            self._end(scope[_SPAN], scope, {"status": status, "headers": headers})

        if super().at_once(scope, body, listener, noting):
            return True
        scope.pop(_SPAN, None)
        return False

    async def answer(self, scope: Scope, receive: Receive, send: Send, listener: str) -> None:
        """As without traces, inside a span."""
        began, head = time.time_ns(), dict[str, Any]()

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                head.update(message)
            await send(message)

        try:
            await super().answer(scope, receive, noting, listener)
        finally:
            span = scope.get(_SPAN) or self._begin(scope, "", began)
            self._end(span, scope, head)

    def _admit(self, scope: Scope, listener: str) -> Credential:
        credential = super()._admit(scope, listener)
        scope[_SPAN] = span = self._begin(scope, sent(scope["headers"]), None)
        span.set_attribute("receiver.listener", listener)
        scope[TRACE] = self._tracer.carried(span)
        return credential

    def _begin(self, scope: Scope, parent: str, at: int | None) -> "Span":
        return self._tracer.begin(f"{_method(scope)} {self._path}", "server", parent, at=at)

    def _end(self, span: "Span", scope: Scope, head: dict[str, Any]) -> None:
        """Names as OpenTelemetry's semantic conventions for HTTP servers have them."""
        span.set_attribute("http.request.method", _method(scope))
        span.set_attribute("http.route", self._path)
        span.set_attribute("receiver.kind", self._callback.name)
        if status := head.get("status"):
            span.set_attribute("http.response.status_code", status)
            if status >= 500:
                self._tracer.failed(span, f"answered {status}")
        for name, value in head.get("headers", ()):
            if name == b"x-receipt-id":
                span.set_attribute("receiver.receipt", value.decode())
        span.end()


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in _METHODS else "_OTHER"
