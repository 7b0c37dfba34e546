"""Spans of the normalise job: one per notification, child of the span of its HTTP request.

The events carry the span's context on, as CloudEvents' extension "Distributed Tracing" has it:
`traceparent`, and `tracestate` if there is one.
"""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import msgspec

from receiver.config.settings import Settings
from receiver.runtime.tracing.context import carried
from workers.normalise.cloudevent import Claim
from workers.normalise.decide import Entry, Outcome

if TYPE_CHECKING:
    from receiver.runtime.tracing.spans import Tracer

_json = msgspec.json.Encoder().encode
_OUTCOMES: Final = {"p": "published", "l": "published", "d": "duplicate", "x": "dead"}


def traced(
    tracer: "Tracer", decide: Callable[[Entry, Settings], Outcome]
) -> Callable[[Entry, Settings], Outcome]:
    """Return `decide` with a span that begins with reading an entry; `end_spans` ends it."""

    def decide_with_span(entry: Entry, settings: Settings) -> Outcome:
        began = time.time_ns()
        outcome = decide(entry, settings)
        parent = carried(outcome.notification.trace) if outcome.notification else ""
        span = tracer.begin("normalise", "consumer", parent, at=began)
        claims = [_with_context(claim, span.carried) for claim in outcome.claims]
        return outcome._replace(claims=claims, span=span)

    return decide_with_span


def end_spans(tracer: "Tracer", outcomes: Iterable[Outcome], codes: bytes) -> None:
    """End the span of each published outcome. `codes` has one letter for each, from `publish.lua`;
    an entry that was not open any more gets no span.
    """
    for outcome, code in zip(outcomes, codes.decode(), strict=True):
        if code in _OUTCOMES and outcome.span and outcome.span.sampled:
            attributes: list[tuple[str, str | int]] = [("receiver.outcome", _OUTCOMES[code])]
            receipt, one = "", outcome.notification
            if one:
                receipt = one.receipt
                attributes.append(("receiver.listener", one.listener))
                attributes.append(("receiver.kind", one.callback))
            failure = outcome.reason
            tracer.end(outcome.span, tuple(attributes), receipt=receipt, failure=failure)


def _with_context(claim: Claim, trace: str) -> Claim:
    parent, _, state = trace.partition(" ")
    context = {"traceparent": parent} | ({"tracestate": state} if state else {})
    return claim._replace(document=_json(context)[:-1] + b"," + claim.document[1:])
