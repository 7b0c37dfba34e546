"""Which spans are sampled: as OpenTelemetry's own samplers decide, only sooner."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context
from structlog.testing import capture_logs

from receiver.runtime.tracing.sampling import sampler

TRACES = st.integers(1, (1 << 128) - 1)


def _environ(name: str, ratio: str = "") -> dict[str, str]:
    return {"OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": ratio}


RATIOS = ("", "0", "1", "0.01", "0.5", "1e-19", "2", "-1", "nan", "half")


@pytest.mark.parametrize(
    ("name", "ratio"),
    [
        *((name, "") for name in ("", "always_on", "always_off", "parentbased_always_on")),
        ("parentbased_always_off", ""),
        *(("traceidratio", ratio) for ratio in RATIOS),
        *(("parentbased_traceidratio", ratio) for ratio in ("0.01", "0.5")),
    ],
)
def test_the_decision_is_the_one_of_the_sdk(
    name: str, ratio: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = _environ(name or "parentbased_always_on", ratio)
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)
    theirs = TracerProvider(shutdown_on_exit=False).sampler
    ours = sampler(environ if name else _environ("", ratio))

    @settings(max_examples=30)
    @given(TRACES, st.sampled_from([None, 0, 1, 2, 3]))
    def decided(trace: int, flags: int | None) -> None:
        decision = theirs.should_sample(_parent(trace, flags), trace, "x").decision
        assert ours.samples(trace, flags) is (decision is Decision.RECORD_AND_SAMPLE)

    decided()
    for trace in (ours.bound - 1, ours.bound, ours.bound + 1):
        decision = theirs.should_sample(Context(), trace, "x").decision
        assert ours.samples(trace, None) is (decision is Decision.RECORD_AND_SAMPLE)


def _parent(trace: int, flags: int | None) -> Context:
    if flags is None:
        return Context()
    parent = SpanContext(trace, 1, is_remote=True, trace_flags=TraceFlags(flags))
    return set_span_in_context(NonRecordingSpan(parent), Context())


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        (_environ("jaeger_remote"), "OTEL_TRACES_SAMPLER is unknown"),
        (_environ("traceidratio", "many"), "OTEL_TRACES_SAMPLER_ARG: 0 to 1 is wanted"),
    ],
)
def test_what_names_no_sampler_samples_all_and_the_log_says_so(
    environ: dict[str, str], says: str
) -> None:
    with capture_logs() as said:
        found = sampler(environ)
    assert found.samples((1 << 64) - 1, None)
    assert says in said[0]["reason"]
