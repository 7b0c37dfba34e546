"""Whether a span is sampled: the samplers of OpenTelemetry's specification, by its variables.

Specification, "Environment Variable Specification" (`OTEL_TRACES_SAMPLER`) and "Tracing SDK"
("Built-in samplers"). The SDK's own say the same, but only once they have everything of a span,
which takes longer for one that is not sampled than all else that is done for a request's trace.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import structlog

log = structlog.get_logger()

SAMPLED: Final = 1
"""The flag of W3C Trace Context, section 3.2.2.5."""
_LOWER: Final = (1 << 64) - 1
"""Of a trace id the part that a ratio is taken of, as the SDK does."""
_BOUNDS: Final = {"always_on": _LOWER + 1, "always_off": 0, "traceidratio": None}
_BY_PARENT: Final = "parentbased_"
_UNSET: Final = "parentbased_always_on"


class Sampler(NamedTuple):
    """Decide whether spans are sampled."""

    bound: int
    """Traces are sampled whose id, its lower half, is below this."""
    by_parent: bool
    """Whether the decision of a parent, if there is one, goes before it."""

    def samples(self, trace: int, flags: int | None) -> bool:
        """Return whether a span is sampled; `flags` are its parent's, None where there is none."""
        if self.by_parent and flags is not None:
            return bool(flags & SAMPLED)
        return trace & _LOWER < self.bound


def sampler(environ: Mapping[str, str]) -> Sampler:
    """Return the sampler that `OTEL_TRACES_SAMPLER` and `_ARG` name. One that nobody knows is the
    default, a ratio that is none is 1, and the log says so.
    """
    name = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower() or _UNSET
    root = name.removeprefix(_BY_PARENT)
    if root not in _BOUNDS:
        log.warning("traces.sampler", reason=f"OTEL_TRACES_SAMPLER is unknown; it is {_UNSET}")
        name, root = _UNSET, "always_on"
    bound = _BOUNDS[root]
    if bound is None:
        bound = round(_ratio(environ.get("OTEL_TRACES_SAMPLER_ARG", "")) * (_LOWER + 1))
    return Sampler(bound, name.startswith(_BY_PARENT))


def _ratio(text: str) -> float:
    try:
        ratio = float(text)
    except ValueError:
        ratio = -1.0
    if 0 <= ratio <= 1:
        return ratio
    log.warning("traces.sampler", reason="OTEL_TRACES_SAMPLER_ARG: 0 to 1 is wanted; it is 1")
    return 1.0
