"""Exporting spans: OTLP's protobuf, sent by OpenTelemetry's exporter.

opentelemetry-proto 1.x, `trace/v1/trace.proto`. The SDK's own way to encode a span takes as long as
taking in a notification does; here what is the same for many spans is encoded once and copied.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Encoded
from opentelemetry.proto.trace.v1.trace_pb2 import SpanFlags, Status
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import INVALID_SPAN_CONTEXT

from receiver import __version__
from receiver.runtime.tracing.span import Attributes, Kind, Span

_NAME: Final = "telecom-receiver"
_KINDS: Final[dict[str, Any]] = {
    "server": Encoded.SPAN_KIND_SERVER,
    "consumer": Encoded.SPAN_KIND_CONSUMER,
    "producer": Encoded.SPAN_KIND_PRODUCER,
    "client": Encoded.SPAN_KIND_CLIENT,
}
_LOCAL: Final = SpanFlags.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK
_CHILD: Final = _LOCAL | SpanFlags.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK
"""Each parent is a span of another process."""
_FORMS: Final = 1024
"""Encoded attributes that are kept: there are some for each listener, status and sink."""


class Exporter(OTLPSpanExporter):
    """Send the spans of one process as `OTEL_EXPORTER_OTLP_*` say."""

    def __init__(self) -> None:
        super().__init__()
        scope = InstrumentationScope(_NAME, __version__)
        one = ReadableSpan(
            "", INVALID_SPAN_CONTEXT, resource=_resource(), instrumentation_scope=scope
        )
        self._envelope = encode_spans([one])
        self._envelope.resource_spans[0].scope_spans[0].ClearField("spans")
        self._send = self._client.export  # no public name: where it is missing traces stay off

    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        """Encode and send spans (each a `Span`); the outcome is logged by the SDK."""
        request = ExportTraceServiceRequest()
        request.CopyFrom(self._envelope)
        encoded = request.resource_spans[0].scope_spans[0].spans
        for span in spans:
            _encode(span, encoded.add())
        sent = self._send(request.SerializeToString())
        return SpanExportResult.SUCCESS if sent.success else SpanExportResult.FAILURE


def _encode(span: Span, into: Encoded) -> None:
    """Write a span into a message of OTLP."""
    into.CopyFrom(_form(span.name, span.kind, span.attributes, span.failure))
    into.trace_id, into.span_id, into.trace_state = _parts(span.carried)
    if span.parent:
        into.parent_span_id, into.flags = _parts(span.parent)[1], _CHILD
    into.start_time_unix_nano, into.end_time_unix_nano = span.began, span.ended
    if span.receipt:
        into.attributes.add(key="receiver.receipt").value.string_value = span.receipt


@lru_cache(maxsize=_FORMS)
def _form(name: str, kind: Kind, attributes: Attributes, failure: str) -> Encoded:
    """Return what spans have in common: all that is not another for each."""
    form = Encoded(name=name, kind=_KINDS[kind], flags=_LOCAL)
    for key, value in attributes:
        one = form.attributes.add(key=key).value
        if isinstance(value, int):
            one.int_value = value
        else:
            one.string_value = value
    if failure:
        form.status.code, form.status.message = Status.STATUS_CODE_ERROR, failure
    return form


def _parts(context: str) -> tuple[bytes, bytes, str]:
    """Return trace id, span id and `tracestate` of a context."""
    return bytes.fromhex(context[3:35]), bytes.fromhex(context[36:52]), context[56:]


def _resource() -> Resource:
    """Return the resource, with our service name unless `OTEL_*` variables name another."""
    said = Resource.create()
    if str(said.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        return said.merge(Resource({SERVICE_NAME: _NAME}))
    return said
