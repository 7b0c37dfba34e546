"""Spans of the forward jobs: one per event and attempt, child of the context the event carries."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from receiver.runtime.tracing.context import context
from workers import outcome_log
from workers.sinks.sink import Answer, Item

if TYPE_CHECKING:
    from receiver.runtime.tracing.spans import Span, Tracer


class _Carries(msgspec.Struct):
    traceparent: str = ""
    tracestate: str = ""


_carries: Final = msgspec.json.Decoder(_Carries).decode


class DeliverySpans:
    """Do nothing: the spans of deliveries where traces are off."""

    def begin_batch(self) -> None:
        """Note when deliveries for the script are leased."""

    def end_batch(self, items: Sequence[Item]) -> None:
        """Create the spans of deliveries that the script has made, from their lease until now."""

    def begin_request(self, items: Sequence[Item]) -> None:
        """Begin the spans of deliveries that one request is to make."""

    def end_request(self, items: Sequence[Item], answer: Answer) -> None:
        """End the spans of a request's deliveries with its answer."""


class TracedDeliverySpans(DeliverySpans):
    """Create the spans of one sink's deliveries."""

    def __init__(self, tracer: "Tracer", sink: str) -> None:
        self._tracer = tracer
        self._sink = sink
        self._leased = 0

    def begin_batch(self) -> None:
        """Note when deliveries for the script are leased."""
        self._leased = time.time_ns()

    def end_batch(self, items: Sequence[Item]) -> None:
        """Create the spans of deliveries that the script has made, from their lease until now."""
        for item in items:
            span = self._begin(item, "producer", self._leased)
            span.set_attribute("receiver.outcome", "taken")
            span.end()

    def begin_request(self, items: Sequence[Item]) -> None:
        """Begin the spans of deliveries that one request is to make.

        A request with one event carries its span's context to the consumer; of several, which have
        no parent in common, only the events carry theirs.
        """
        for item in items:
            item.span = self._begin(item, "client")
        if len(items) == 1:
            items[0].trace = self._tracer.carried(items[0].span)

    def end_request(self, items: Sequence[Item], answer: Answer) -> None:
        """End the spans of a request's deliveries with its answer."""
        for item in items:
            item.span.set_attribute("receiver.outcome", answer.what)
            if answer.reason:
                self._tracer.failed(item.span, answer.reason)
            item.span.end()

    def _begin(
        self, item: Item, kind: Literal["client", "producer"], at: int | None = None
    ) -> "Span":
        event = item.delivery.event
        span = self._tracer.begin("deliver", kind, _parent(event), at=at)
        span.set_attribute("receiver.sink", self._sink)
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
