"""Spans: begun and ended here, exported by a thread. Imported only where traces are on.

A span that is not sampled is no more than the context for its children. A sampled one that has
ended waits in a bounded queue of OpenTelemetry's SDK: nobody waits for the collector, and what the
queue cannot hold is dropped.
"""

import logging
import os
import threading
import time
from random import getrandbits
from typing import Any, Final

from opentelemetry.sdk.trace.export import BatchSpanProcessor

from receiver.runtime.tracing.export import Exporter
from receiver.runtime.tracing.sampling import sampler
from receiver.runtime.tracing.span import Attributes, Kind, Span

__all__ = ["Attributes", "Kind", "Span", "Tracer"]

FLUSH_WITHIN: Final = 0.5
"""Seconds that the end of a process waits for the collector."""
_RANDOM: Final = 2
"""The flag of a trace id that was drawn at random (W3C Trace Context Level 2, section 3.2.2.5)."""


class Tracer:
    """Create and export the spans of one process, as `OTEL_*` variables say."""

    def __init__(self) -> None:
        # One line when an export has failed; not one for each time that it is tried once more.
        logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
        logging.getLogger("opentelemetry.util.re").addFilter(_hide)
        self._sampler = sampler(os.environ)
        self._queue: Any = BatchSpanProcessor(Exporter())

    def begin(self, name: str, kind: Kind, parent: str = "", *, at: int | None = None) -> Span:
        """Return a span that began now, or `at` (nanoseconds since 1970), as a child of the context
        `parent`, which is valid or empty.
        """
        span = Span(name, kind, parent, at or time.time_ns())
        if parent:
            trace, flags, state = parent[3:35], int(parent[53:55], 16), parent[55:]
            span.sampled = self._sampler.samples(int(trace[16:], 16), flags)
        else:
            number = getrandbits(128) or 1
            trace, flags, state = f"{number:032x}", _RANDOM, ""
            span.sampled = self._sampler.samples(number, None)
        flags = (flags & _RANDOM) | span.sampled
        span.carried = f"00-{trace}-{getrandbits(64) or 1:016x}-{flags:02x}{state}"
        return span

    def end(
        self, span: Span, attributes: Attributes, *, receipt: str = "", failure: str = ""
    ) -> None:
        """End a span, which failed if there is a `failure`: never a value of what came in.

        `attributes` are of few different values; one that is another for each is the receipt.
        """
        if span.sampled:
            span.ended = time.time_ns()
            span.attributes, span.receipt, span.failure = attributes, receipt, failure
            self._queue.on_end(span)

    def close(self) -> None:
        """Export the remaining spans within a short deadline, so that an unreachable collector
        delays no stop.
        """
        # The SDK's own shutdown waits up to thirty seconds.
        last = threading.Thread(target=self._queue.shutdown, name="traces", daemon=True)
        last.start()
        last.join(FLUSH_WITHIN)


def _hide(record: logging.LogRecord) -> bool:
    """Hide the part of `OTEL_EXPORTER_OTLP_HEADERS` that the SDK quotes: it may be a credential."""
    record.msg, record.args = "OTEL_EXPORTER_OTLP_HEADERS: name=value,name=value is wanted", ()
    return True
