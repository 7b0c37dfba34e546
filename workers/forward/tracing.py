"""Spans of the forward jobs: one per event and attempt, child of the context the event carries."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from receiver.runtime.tracing.context import context
from workers import outcome_log
from workers.forward.delivery_queue import DeliveryQueue
from workers.sinks.sink import Answer, Item, RemoteSink

if TYPE_CHECKING:
    from receiver.runtime.tracing.spans import Span, Tracer


class _Carries(msgspec.Struct):
    traceparent: str = ""
    tracestate: str = ""


_carries: Final = msgspec.json.Decoder(_Carries).decode


class TracedRemote:
    """Trace a remote sink. An attempt lasts from the request to its answer."""

    def __init__(self, tracer: "Tracer", name: str, remote: RemoteSink) -> None:
        self._tracer = tracer
        self._name = name
        self._remote = remote
        self._spans: dict[int, list[Span]] = {}
        self.batch_size = remote.batch_size
        self.concurrency = remote.concurrency
        self.seconds = remote.seconds

    def send(self, items: list[Item]) -> None:
        """Send one request. With one event it carries the span's context to the consumer; with
        several, which have no parent in common, only the events carry theirs.
        """
        spans = [_begin(self._tracer, self._name, "client", item) for item in items]
        if len(items) == 1:
            items[0].trace = self._tracer.carried(spans[0])
        self._remote.send(items)
        self._spans[id(items)] = spans

    def answers(self, seconds: float) -> list[tuple[list[Item], Answer]]:
        """Return the answered requests, their spans ended."""
        answered = self._remote.answers(seconds)
        for items, answer in answered:
            for span in self._spans.pop(id(items)):
                span.set_attribute("receiver.outcome", answer.what)
                if answer.reason:
                    self._tracer.failed(span, answer.reason)
                span.end()
        return answered


class TracedDeliveryQueue(DeliveryQueue):
    """Trace a transactional sink. An attempt lasts from the lease until the event is delivered."""

    def __init__(self, tracer: "Tracer", *rest: Any, **more: Any) -> None:
        super().__init__(*rest, **more)
        self._tracer = tracer
        self._taken = 0

    def lease(self, wanted: int) -> list[Item]:
        """Lease deliveries, and note when."""
        self._taken = time.time_ns()
        return super().lease(wanted)

    def log_delivered(self, items: Sequence[Item]) -> None:
        """Log that these were delivered, and end their spans."""
        super().log_delivered(items)
        for item in items:
            span = _begin(self._tracer, self.sink, "producer", item, self._taken)
            span.set_attribute("receiver.outcome", "taken")
            span.end()


def _begin(
    tracer: "Tracer",
    sink: str,
    kind: Literal["client", "producer"],
    item: Item,
    at: int | None = None,
) -> "Span":
    event = item.delivery.event
    span = tracer.begin("deliver", kind, _parent(event), at=at)
    span.set_attribute("receiver.sink", sink)
    span.set_attribute("receiver.attempt", item.delivery.attempts + 1)
    for receipt in outcome_log.receipts([event]):
        span.set_attribute("receiver.receipt", receipt)
    return span


def _parent(event: bytes) -> str:
    """Return the trace context that an event carries; anybody may have put it there."""
    try:
        found = _carries(event)
    except (msgspec.DecodeError, RecursionError):
        return ""
    return context(found.traceparent, found.tracestate)
