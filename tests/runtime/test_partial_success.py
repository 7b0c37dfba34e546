"""A collector that takes a batch and says that it rejected some of it (OTLP's partial success)."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)
from structlog.testing import capture_logs

from receiver.runtime.tracing import otlp_http
from receiver.runtime.tracing.export import Exporter
from receiver.runtime.tracing.span_queue import SpanQueue
from tests.support.consumer import Consumer, consuming


@pytest.fixture
def collector() -> Iterator[Consumer]:
    with consuming() as found:
        yield found


def _answer(**said: Any) -> bytes:
    said_of = ExportTracePartialSuccess(**said)
    answer: bytes = ExportTraceServiceResponse(partial_success=said_of).SerializeToString()
    return answer


def _lost(collector: Consumer, answer: bytes, spans: int) -> list[tuple[str, int]]:
    """What the log says is lost of so many spans where the collector answers so."""

    def behave(_request: Any, handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("content-length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer)

    collector.behaviour = behave
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.netloc}"}
    with capture_logs() as lines:
        queue = SpanQueue(Exporter(environ).export, environ)
        for _ in range(spans):
            queue.put(b"\x12\x00")
        queue.close(60)
    assert len(collector.requests) == 1  # it is not sent again
    return [(line["reason"], line["spans"]) for line in lines]


def test_spans_that_it_rejected_are_said_to_be_lost_without_its_own_words(
    collector: Consumer,
) -> None:
    answer = _answer(rejected_spans=300, error_message="+12065550100 is not wanted")
    (lost,) = _lost(collector, answer, 400)
    assert lost == ("the collector took the request and rejected them (partial_success)", 300)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        _answer(),
        _answer(error_message="all is taken, and a newer version is to be had"),
        _answer(rejected_spans=-1),
        b"<html>welcome</html>",
        b'{"partialSuccess": {"rejectedSpans": "1"}}',
        b"x" * 1_000_000,
    ],
)
def test_an_answer_that_says_nothing_of_the_kind_is_a_success(
    collector: Consumer, answer: bytes
) -> None:
    assert _lost(collector, answer, 4) == []


def test_no_more_are_lost_than_were_sent(collector: Consumer) -> None:
    ((_, spans),) = _lost(collector, _answer(rejected_spans=2**62), 4)
    assert spans == 4


def test_the_count_is_read_whatever_it_is_and_whatever_is_cut_off() -> None:
    message = "m" * 2 * otlp_http.MOST
    long = _answer(rejected_spans=7, error_message=message)[: otlp_http.MOST]
    assert otlp_http.rejected_spans(long) == 7
    for count in (1, 127, 128, 300, 2**32, 2**63 - 1):
        assert otlp_http.rejected_spans(_answer(rejected_spans=count, error_message="no")) == count
    drawn = random.Random(7)
    for size in range(200):
        assert otlp_http.rejected_spans(drawn.randbytes(size)) >= 0
    assert otlp_http.rejected_spans(b"\xff" * otlp_http.MOST) == 0
