"""A span as it is kept until it is exported: that is all the work of the thread that makes it."""

from typing import Final, Literal

from opentelemetry.trace import SpanContext, TraceFlags

from receiver.runtime.tracing.sampling import SAMPLED

Kind = Literal["server", "consumer", "producer", "client"]
Attributes = tuple[tuple[str, str | int], ...]


class Span:
    """Hold one span."""

    __slots__ = (
        *("attributes", "began", "carried", "ended", "failure"),
        *("kind", "name", "parent", "receipt", "sampled"),
    )

    context: Final = SpanContext(1, 1, is_remote=False, trace_flags=TraceFlags(SAMPLED))
    """What the SDK's queue asks of each: whether it is sampled."""

    def __init__(self, name: str, kind: Kind, parent: str, began: int) -> None:
        self.name = name
        self.kind = kind
        self.parent = parent
        """The context of its parent, as `receiver.runtime.tracing.context` has it, or empty."""
        self.began = began
        """Nanoseconds since 1970, as `ended`."""
        self.carried = ""
        """The context for its children."""
        self.sampled = False
        self.ended = 0
        self.attributes: Attributes = ()
        """Of few values each, so that what is encoded of them is kept."""
        self.receipt = ""
        self.failure = ""
