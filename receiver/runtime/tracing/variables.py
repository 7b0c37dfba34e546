"""Reading OpenTelemetry's variables: an empty one counts as unset (specification, "Environment
Variable Specification").
"""

from collections.abc import Mapping
from typing import Final

import structlog

log = structlog.get_logger()

OTLP: Final = "OTEL_EXPORTER_OTLP_"


def first(environ: Mapping[str, str], *names: str) -> str:
    """Return the first of several variables that is set; empty if none is."""
    return next((found for name in names if (found := environ.get(name, "").strip())), "")


def number(environ: Mapping[str, str], unset: float, *names: str) -> float:
    """Return the first number of several variables; for one that is none the log says that it is
    as if it were unset.
    """
    try:
        return float(first(environ, *names) or unset)
    except ValueError:
        log.warning("traces.setting", reason=f"{names[-1]}: a number is wanted; it is {unset:g}")
        return unset


def otlp(environ: Mapping[str, str], name: str) -> str:
    """Return what a variable of the exporter says: one for traces goes before one for all."""
    return first(environ, f"{OTLP}TRACES_{name}", OTLP + name)
