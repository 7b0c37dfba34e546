"""Spans: begun and ended here, exported by a thread. Imported only where traces are on.

A span that is not sampled is no more than the context for its children. A sampled one is encoded
when it ends, and its bytes wait in a bounded queue.
"""

import os
import time
from random import getrandbits
from typing import Final

import msgspec

from receiver.runtime.tracing import encoding
from receiver.runtime.tracing.export import Exporter
from receiver.runtime.tracing.sampling import sampler
from receiver.runtime.tracing.span_queue import SpanQueue

FLUSH_WITHIN: Final = 0.5
"""Seconds that the end of a process waits for the collector."""
_RANDOM: Final = 2
"""The flag of a trace id that was drawn at random (W3C Trace Context Level 2, section 3.2.2.5)."""


class Span(msgspec.Struct, gc=False):
    """Hold a span until it ends."""

    carried: str
    """The context for its children, as `receiver.runtime.tracing.context` has it."""
    parent: str
    """The context of its parent, or empty."""
    sampled: bool
    began: int
    """Nanoseconds since 1970."""


class Tracer:
    """Create and export the spans of one process, as `OTEL_*` variables say."""

    def __init__(self) -> None:
        self._samples = sampler(os.environ).samples
        self._queue = SpanQueue(Exporter(os.environ).export, os.environ)

    def begin(self, parent: str = "", *, at: int = 0) -> Span:
        """Return a span that began now, or `at` (nanoseconds since 1970), as a child of the context
        `parent`, which is valid or empty.
        """
        if parent:
            trace, flags = parent[3:35], int(parent[53:55], 16)
            sampled = self._samples(int(trace[16:], 16), flags)
            own = f"{getrandbits(64) or 1:016x}"
            carried = f"00-{trace}-{own}-0{flags & _RANDOM | sampled}{parent[55:]}"
        else:
            drawn = getrandbits(192)  # both at once: neither is ever nothing but zeros
            ids, sampled = f"{drawn:048x}", self._samples(drawn >> 64, None)
            carried = f"00-{ids[:32]}-{ids[32:]}-0{_RANDOM | sampled}"
        return Span(carried, parent, sampled, at or time.time_ns())

    def end(self, span: Span, form: bytes, receipt: bytes = b"") -> None:
        """End a span of a form (`receiver.runtime.tracing.encoding`), of which there are few: what
        is another for each is the receipt.
        """
        if span.sampled:
            ended = time.time_ns()
            self._queue.put(
                encoding.span(span.carried, span.parent, span.began, ended, form, receipt)
            )

    def close(self) -> None:
        """Export the remaining spans within a short deadline, so that an unreachable collector
        delays no stop.
        """
        self._queue.close(FLUSH_WITHIN)
