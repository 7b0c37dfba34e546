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
_PASSED_ON: Final = frozenset({0, _RANDOM})
"""Flags of a parent that is not sampled; any other flag is cleared (section 3.2.2.5.3)."""
_FLAGS: Final = {f"{flags:02x}": flags for flags in range(256)}


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

        A child that is sampled as little as its parent has the parent's context for its own
        children: nobody will ever see a span of it (W3C Trace Context, section 3.4).
        """
        if parent:
            flags = _FLAGS[parent[53:55]]
            sampled = self._samples(int(parent[19:35], 16), flags)
            if not sampled and flags in _PASSED_ON:
                return Span(parent, parent, sampled, at)
            own = (getrandbits(64) or 1).to_bytes(8).hex()
            carried = f"{parent[:36]}{own}-0{flags & _RANDOM | sampled}{parent[55:]}"
        else:
            drawn = getrandbits(192)  # both at once: neither is ever nothing but zeros
            sampled = self._samples(drawn >> 64, None)
            ids = drawn.to_bytes(24).hex("-", -16)
            carried = f"00-{ids}-0{_RANDOM | sampled}"
        return Span(carried, parent, sampled, at or time.time_ns())

    def end(self, span: Span, form: bytes, receipt: bytes = b"") -> None:
        """End a span. Many spans share a form (`receiver.runtime.tracing.encoding`), and differ in
        the receipt.
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
