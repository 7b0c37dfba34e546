"""Exporting spans: batches of them as OTLP requests, with the resource that OpenTelemetry's SDK
makes of its variables.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from opentelemetry.sdk.resources import SERVICE_NAME, Resource

from receiver import __version__
from receiver.runtime.tracing import encoding
from receiver.runtime.tracing.otlp_http import OtlpHttp
from receiver.runtime.tracing.span_queue import Lost

_NAME: Final = "telecom-receiver"
_REJECTED: Final = "the collector took the request and rejected them (partial_success)"


class Exporter:
    """Send the spans of one process as `OTEL_EXPORTER_OTLP_*` say."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Open no connection yet. Raises `ValueError` for what cannot be meant."""
        logging.getLogger("opentelemetry.util.re").addFilter(_hide)
        resource = _resource()
        self._envelope = encoding.envelope(
            resource.attributes, resource.schema_url, _NAME, __version__
        )
        self._collector = OtlpHttp(environ)

    def export(self, spans: Sequence[bytes]) -> Lost:
        """Send encoded spans; return which of them are lost, and why."""
        if fault := self._collector.send(encoding.request(self._envelope, spans)):
            return Lost(len(spans), fault)
        return Lost(min(self._collector.rejected(), len(spans)), _REJECTED)


def _resource() -> Resource:
    """Return the resource, with our service name unless `OTEL_*` variables name another."""
    said = Resource.create()
    if str(said.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        return said.merge(Resource({SERVICE_NAME: _NAME}))
    return said


def _hide(record: logging.LogRecord) -> bool:
    """Hide the part of `OTEL_EXPORTER_OTLP_HEADERS` that the SDK quotes: it may be a credential."""
    record.msg, record.args = "OTEL_EXPORTER_OTLP_HEADERS: name=value,name=value is wanted", ()
    return True
