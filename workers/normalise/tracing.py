"""Spans of the normalise job: one per notification, child of the span of its HTTP request.

The events carry the span's context on, as CloudEvents' extension "Distributed Tracing" has it:
`traceparent`, and `tracestate` if there is one.
"""

import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

from receiver.config.settings import Settings
from receiver.runtime.tracing.context import carried
from receiver.runtime.tracing.encoding import FORMS, form
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
        one = outcome.notification
        span = tracer.begin(carried(one.trace) if one else "", at=began)
        head = _members(span.carried)
        claims = [
            Claim(identity, settles, mark, head + document[1:])
            for identity, settles, mark, document in outcome.claims
        ]
        return Outcome(outcome.entry, claims, outcome.dead_letter, one, outcome.reason, span)

    return decide_with_span


def end_spans(tracer: "Tracer", outcomes: Iterable[Outcome], codes: bytes) -> None:
    """End the span of each published outcome. `codes` has one letter for each, from `publish.lua`;
    an entry that was not open any more gets no span.
    """
    for outcome, code in zip(outcomes, codes.decode(), strict=True):
        if code in _OUTCOMES and outcome.span and outcome.span.sampled:
            if one := outcome.notification:
                made = _form(code, one.listener, one.callback, outcome.reason)
                tracer.end(outcome.span, made, one.receipt.encode())
            else:
                tracer.end(outcome.span, _form(code, None, None, outcome.reason))


@lru_cache(maxsize=FORMS)
def _form(code: str, listener: str | None, kind: str | None, failure: str) -> bytes:
    """Encode what the spans of many notifications have in common."""
    attributes = {
        "receiver.outcome": _OUTCOMES[code],
        "receiver.listener": listener,
        "receiver.kind": kind,
    }
    return form("normalise", "consumer", attributes, failure)


def _members(trace: str) -> bytes:
    """Return a context as the first members of a JSON object, with what opens it."""
    parent, _, state = trace.partition(" ")
    if not state:
        return b'{"traceparent":"' + parent.encode() + b'",'
    return _json({"traceparent": parent, "tracestate": state})[:-1] + b","
