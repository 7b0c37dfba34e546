"""Spans, created and exported by OpenTelemetry's SDK. Imported only where traces are on.

Ending a span puts it into a bounded queue, and a thread of the SDK's exports what is there: nobody
waits for the collector, and what the queue cannot hold is dropped.
"""

import logging
import threading
from typing import Final, Literal

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from receiver import __version__
from receiver.runtime.tracing.context import context

__all__ = ["Span", "Tracer"]

FLUSH_WITHIN: Final = 0.5
"""Seconds that the end of a process waits for the collector."""
_NAME: Final = "telecom-receiver"
_KINDS: Final = {
    "server": SpanKind.SERVER,
    "consumer": SpanKind.CONSUMER,
    "producer": SpanKind.PRODUCER,
    "client": SpanKind.CLIENT,
}

Kind = Literal["server", "consumer", "producer", "client"]


class Tracer:
    """Create and export the spans of one process, as `OTEL_*` variables tell the SDK."""

    def __init__(self) -> None:
        # One line when an export has failed; not one for each time that it is tried once more.
        logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
        logging.getLogger("opentelemetry.util.re").addFilter(_hide)
        self._provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer(_NAME, __version__)

    def begin(self, name: str, kind: Kind, parent: str = "", *, at: int | None = None) -> Span:
        """Return a span that began now, or `at` (nanoseconds since 1970), as a child of the context
        `parent`.
        """
        return self._tracer.start_span(name, _above(parent), _KINDS[kind], start_time=at)

    @staticmethod
    def carried(span: Span) -> str:
        """Return the context for a span's children, as `receiver.runtime.tracing.context` has
        it.
        """
        own = span.get_span_context()
        parent = f"00-{own.trace_id:032x}-{own.span_id:016x}-{own.trace_flags:02x}"
        return f"{parent} {own.trace_state.to_header()}" if own.trace_state else parent

    @staticmethod
    def failed(span: Span, reason: str) -> None:
        """Mark a span as failed; `reason` is never a value of what came in."""
        span.set_status(StatusCode.ERROR, reason)

    def close(self) -> None:
        """Export the remaining spans within a short deadline, so that an unreachable collector
        delays no stop.
        """
        # The SDK's own shutdown waits up to thirty seconds.
        last = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        last.start()
        last.join(FLUSH_WITHIN)


def _above(text: str) -> Context:
    """Return the parent context of a text; parses it again, for it has been in Redis meanwhile."""
    parent, _, state = context(*text.split(" ", 1)).partition(" ")
    if not parent:
        return Context()
    members = [member.split("=", 1) for member in state.split(",") if member]
    _, trace, span, flags = parent.split("-")
    above = SpanContext(
        int(trace, 16),
        int(span, 16),
        is_remote=True,
        trace_flags=TraceFlags(int(flags, 16)),
        trace_state=TraceState([(name, value) for name, value in members]),
    )
    return set_span_in_context(NonRecordingSpan(above), Context())


def _hide(record: logging.LogRecord) -> bool:
    """Hide the part of `OTEL_EXPORTER_OTLP_HEADERS` that the SDK quotes: it may be a credential."""
    record.msg, record.args = "OTEL_EXPORTER_OTLP_HEADERS: name=value,name=value is wanted", ()
    return True


def _resource() -> Resource:
    """Return the resource, with our service name unless `OTEL_*` variables name another."""
    said = Resource.create()
    if str(said.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        return said.merge(Resource({SERVICE_NAME: _NAME}))
    return said
