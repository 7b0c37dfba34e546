"""The normalise job with traces: a span per notification, child of the door's.

The events carry it on, as CloudEvents' extension "Distributed Tracing" has it: `traceparent`, and
`tracestate` if there is one.
"""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from receiver.config.settings import Settings
from workers.normalise.decide import Entry, Outcome, outcome
from workers.outcome_log import Teller, Told

if TYPE_CHECKING:
    from receiver.runtime.tracing.spans import Span, Tracer

_json = msgspec.json.Encoder().encode
_LETTERS: Final = {"p": "published", "l": "published", "d": "duplicate", "x": "dead"}


class _Spanned(tuple[Any, ...]):
    """What is said of a notification, and the span that ends with its outcome."""

    span: "Span"


def outcomes(tracer: "Tracer") -> Callable[[Entry, Settings], Outcome]:
    """`outcome` with a span: from reading an entry until its outcome has happened."""

    def traced(entry: Entry, settings: Settings) -> Outcome:
        began = time.time_ns()
        words, told = outcome(entry, settings)
        notification, reason = told
        span = tracer.begin(
            "normalise", "consumer", notification.trace if notification else "", at=began
        )
        if notification:
            span.set_attribute("receiver.receipt", notification.receipt)
            span.set_attribute("receiver.listener", notification.listener)
            span.set_attribute("receiver.kind", notification.callback)
        if reason:
            tracer.failed(span, reason)
        if words[1]:
            # Of the four words per event the last is the event.
            words[5::4] = [_marked(document, tracer.carried(span)) for document in words[5::4]]
        spanned = _Spanned(told)
        spanned.span = span
        return words, spanned

    return traced


class TracedTeller(Teller):
    """Ends the spans of what it tells."""

    def outcomes(self, batch: Iterable[Told], letters: bytes) -> None:
        """The outcomes have happened. Whose entry was not open any more gets no span."""
        batch = list(batch)
        super().outcomes(batch, letters)
        for told, letter in zip(batch, letters.decode(), strict=True):
            if letter in _LETTERS and isinstance(told, _Spanned):
                told.span.set_attribute("receiver.outcome", _LETTERS[letter])
                told.span.end()


def _marked(document: bytes, trace: str) -> bytes:
    parent, _, state = trace.partition(" ")
    said = {"traceparent": parent} | ({"tracestate": state} if state else {})
    return _json(said)[:-1] + b"," + document[1:]
