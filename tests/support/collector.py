"""An OpenTelemetry collector: a real HTTP server on loopback that reads OTLP's protobuf."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.support.threaded import threaded


class Span(NamedTuple):
    """One span as it was exported."""

    name: str
    kind: int
    trace: str
    id: str
    parent: str
    state: str
    attributes: dict[str, Any]
    failed: bool
    service: str
    raw: str
    """All that was said of it, as text."""

    @property
    def traceparent(self) -> str:
        """As a child would be told, if it is sampled."""
        return f"00-{self.trace}-{self.id}-01"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    collector: "Collector"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.collector.hangs.is_set():
            self.collector.over.wait()
        self.collector.take(body)
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


class Collector(ThreadingHTTPServer):
    """Every span it got is in `spans`; while it `hangs` it answers nobody."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), type("_H", (_Handler,), {"collector": self}))
        self.spans: list[Span] = []
        self.hangs = threading.Event()
        self.over = threading.Event()

    @property
    def environ(self) -> dict[str, str]:
        """What an operator would set; exported soon, so that nobody waits."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.server_port}",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }

    def take(self, body: bytes) -> None:
        """Decode one request."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            known = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [_span(one, known["service.name"]) for one in scope.spans]

    def named(self, start: str) -> list[Span]:
        """The spans whose name begins so."""
        return [span for span in self.spans if span.name.startswith(start)]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever ended while he exported is what the test wanted."""


def _span(one: Any, service: str) -> Span:
    return Span(
        one.name,
        one.kind,
        one.trace_id.hex(),
        one.span_id.hex(),
        one.parent_span_id.hex(),
        one.trace_state,
        {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in one.attributes},
        one.status.code == 2,
        service,
        f"{one.name} {one.attributes} {one.events} {one.status} {one.trace_state} {one.links}",
    )


@contextlib.contextmanager
def collecting() -> Iterator[Collector]:
    """A collector for the length of the block."""
    server = Collector()
    with threaded(server):
        try:
            yield server
        finally:
            server.over.set()
