"""Spans of the forward jobs: one per event and attempt, child of the context the event carries."""

import time
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

from receiver.contract.stored_values import UNREADABLE
from receiver.runtime.tracing.context import context
from receiver.runtime.tracing.encoding import FORMS, Attributes, Kind, form
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
            span = self._tracer.begin(_parent(item), at=self._leased)
            self._end(span, item, "producer", "taken")

    def begin_request(self, items: Sequence[Item]) -> None:
        """Begin the spans of deliveries that one request is to make.

        A request with one event carries its span's context to the consumer; of several, which have
        no parent in common, only the events carry theirs.
        """
        for item in items:
            item.span = self._tracer.begin(_parent(item))
        if len(items) == 1:
            items[0].trace = items[0].span.carried

    def end_request(self, items: Sequence[Item], answer: Answer) -> None:
        """End the spans of a request's deliveries with its answer."""
        for item in items:
            self._end(item.span, item, "client", answer.what, answer.reason)

    def _end(self, span: "Span", item: Item, kind: Kind, outcome: str, failure: str = "") -> None:
        if span.sampled:
            delivery = item.delivery
            made = _form(kind, self._sink, delivery.attempts + 1, outcome, failure)
            receipt = next(outcome_log.receipts([delivery.event]), "")
            self._tracer.end(span, made, receipt.encode())


@lru_cache(maxsize=FORMS)
def _form(kind: Kind, sink: str, attempt: int, outcome: str, failure: str) -> bytes:
    """Encode what the spans of many deliveries have in common."""
    attributes: Attributes = {
        "receiver.sink": sink,
        "receiver.attempt": attempt,
        "receiver.outcome": outcome,
    }
    return form("deliver", kind, attributes, failure)


def _parent(item: Item) -> str:
    """Return the trace context that an event carries; anybody may have put it there."""
    try:
        found = _carries(item.delivery.event)
    except UNREADABLE:
        return ""
    return context(found.traceparent, found.tracestate)
