"""Spans that wait for their export: in batches, bounded, and nobody waits for them."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from receiver.runtime.tracing.span_queue import Lost, SpanQueue
from tests.support.eventually import eventually


class _Export:
    """Takes batches, while it is not held up."""

    def __init__(self, fault: str = "") -> None:
        self.batches: list[list[bytes]] = []
        self.free = threading.Event()
        self.free.set()
        self.fault = fault

    def __call__(self, spans: Sequence[bytes]) -> Lost:
        self.batches.append(list(spans))
        self.free.wait()
        return Lost(len(spans) if self.fault else 0, self.fault)


def _queue(export: _Export, **variables: int) -> SpanQueue:
    environ = {f"OTEL_BSP_{name}": str(value) for name, value in variables.items()}
    return SpanQueue(export, {"OTEL_BSP_SCHEDULE_DELAY": "3600000", **environ})


def _spans(first: int, last: int) -> list[bytes]:
    return [b"%d" % number for number in range(first, last)]


def _lost(lines: Sequence[Any]) -> list[tuple[str, int]]:
    assert {line["event"] for line in lines} <= {"traces.lost"}
    return [(line["reason"], line["spans"]) for line in lines]


def test_a_full_batch_is_exported_at_once_and_the_rest_at_the_end() -> None:
    export = _Export()
    queue = _queue(export, MAX_EXPORT_BATCH_SIZE=3)
    for span in _spans(0, 4):
        queue.put(span)
    eventually(lambda: export.batches)
    assert export.batches == [_spans(0, 3)]
    queue.close(60)
    assert export.batches == [_spans(0, 3), _spans(3, 4)]


def test_what_is_less_than_a_batch_is_exported_after_the_delay() -> None:
    export = _Export()
    queue = _queue(export, SCHEDULE_DELAY=1)
    queue.put(b"0")
    eventually(lambda: export.batches)
    assert export.batches == [[b"0"]]
    queue.close(60)


def test_of_more_than_the_queue_holds_the_newest_stay_and_the_log_says_so() -> None:
    export = _Export()
    export.free.clear()
    with capture_logs() as lines:
        queue = _queue(export, MAX_QUEUE_SIZE=4, MAX_EXPORT_BATCH_SIZE=2)
        for span in _spans(0, 2):
            queue.put(span)
        eventually(lambda: export.batches)
        for span in _spans(2, 12):
            queue.put(span)
        export.free.set()
        queue.close(60)
    assert export.batches == [_spans(0, 2), _spans(8, 10), _spans(10, 12)]
    assert _lost(lines) == [("more spans than the queue holds", 6)]


def test_how_many_are_lost_and_why_is_said_once_in_a_while_and_at_the_end() -> None:
    export = _Export("the collector answered 400")
    with capture_logs() as lines:
        queue = _queue(export, MAX_EXPORT_BATCH_SIZE=2)
        for span in _spans(0, 2):
            queue.put(span)
        eventually(lambda: lines)
        for span in _spans(2, 7):
            queue.put(span)
        queue.close(60)
    assert _lost(lines) == [(export.fault, 2), (export.fault, 5)]


def test_a_queue_that_was_just_full_has_lost_nothing() -> None:
    export = _Export()
    with capture_logs() as lines:
        queue = _queue(export, MAX_QUEUE_SIZE=2)
        for span in _spans(0, 2):
            queue.put(span)
        queue.close(60)
    assert export.batches == [_spans(0, 2)]
    assert lines == []


def test_an_export_that_hangs_holds_up_the_end_no_longer_than_is_said() -> None:
    export = _Export()
    export.free.clear()
    with capture_logs() as lines:
        queue = _queue(export, MAX_EXPORT_BATCH_SIZE=2)
        for span in _spans(0, 3):
            queue.put(span)
        eventually(lambda: export.batches)
        queue.close(0.01)
        assert export.batches == [_spans(0, 2)]
        assert _lost(lines) == [("the process has ended", 3)]
        export.free.set()


def test_a_batch_is_never_larger_than_the_queue() -> None:
    export = _Export()
    queue = _queue(export, MAX_QUEUE_SIZE=2)
    for span in _spans(0, 2):
        queue.put(span)
    eventually(lambda: export.batches)
    assert export.batches == [_spans(0, 2)]
    queue.close(60)


def test_a_size_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="OTEL_BSP_MAX_QUEUE_SIZE"):
        _queue(_Export(), MAX_QUEUE_SIZE=0)
