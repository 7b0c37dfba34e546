"""Whether there are traces: what OpenTelemetry's own variables say, and what is installed.

OpenTelemetry specification, "Environment Variable Specification" and "OTLP Exporter Configuration".
The variables are not ours and often set for a whole cluster, so nothing about them stops a process
that takes notifications: what cannot be done is one warning, and there are no traces.
"""

import contextlib
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from receiver.runtime.tracing.variables import OTLP, first, otlp

if TYPE_CHECKING:
    from receiver.runtime.tracing.spans import Tracer

log = structlog.get_logger()

_SDK: Final = "opentelemetry.sdk"
_MISSING: Final = "OpenTelemetry is not installed: pip install opentelemetry-sdk"


class Asked(msgspec.Struct, frozen=True):
    """Hold what the environment asks for."""

    traces: bool = False
    fault: str = ""
    """Why they cannot be had all the same; one line for the operator."""


def asked(environ: Mapping[str, str]) -> Asked:
    """Return what the environment asks for: traces are on with an endpoint, or with
    `OTEL_TRACES_EXPORTER=otlp`.
    """
    exporter = first(environ, "OTEL_TRACES_EXPORTER").lower()
    endpoint = otlp(environ, "ENDPOINT")
    disabled = first(environ, "OTEL_SDK_DISABLED").lower() == "true"
    if disabled or exporter == "none" or not (exporter or endpoint):
        return Asked()
    if exporter not in ("", "otlp"):
        return Asked(fault="OTEL_TRACES_EXPORTER: otlp or none is wanted")
    if otlp(environ, "PROTOCOL").lower() not in ("", "http/protobuf"):
        return Asked(fault=f"{OTLP}PROTOCOL: http/protobuf is wanted (port 4318, mostly)")
    return Asked(traces=True)


def fault(wanted: Asked) -> str:
    """Return why there are no traces though they are asked for; empty when nothing is wrong."""
    try:
        if wanted.traces and find_spec(_SDK) is None:
            return _MISSING
    except ImportError:
        return _MISSING
    return wanted.fault


def start(wanted: Asked) -> "Tracer | None":
    """Return the tracer of this process; None where traces are off, and then OpenTelemetry is not
    imported.
    """
    tracer, why = None, fault(wanted)
    if wanted.traces and not why:
        try:
            from receiver.runtime.tracing.spans import Tracer

            tracer = Tracer()
        except Exception as error:  # noqa: BLE001 - whatever a variable of theirs made of it
            why = f"what the OTEL_ variables say cannot be used: {type(error).__name__}"
    if why:
        log.warning("traces.off", reason=why)
    return tracer


@contextlib.contextmanager
def started(wanted: Asked) -> "Iterator[Tracer | None]":
    """Yield the tracer of this process, or None, and close it after the block."""
    tracer = start(wanted)
    try:
        yield tracer
    finally:
        if tracer:
            tracer.close()
