"""Spans as a collector gets them, and what they cost where they are not sampled: nothing there."""

from collections.abc import Iterator

import pytest

from receiver.runtime.tracing.encoding import Attributes, form
from receiver.runtime.tracing.spans import Tracer
from tests.support.collector import Collector, collecting

TRACE, SPAN = "ab" * 16, "cd" * 8


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collecting() as found:
        for name, value in found.environ.items():
            monkeypatch.setenv(name, value)
        yield found


def test_a_span_arrives_as_it_was_ended(collector: Collector) -> None:
    tracer = Tracer()
    span = tracer.begin(f"00-{TRACE}-{SPAN}-01 a=1,b=2", at=5)
    attributes: Attributes = {"receiver.sink": "hook", "receiver.attempt": 2}
    tracer.end(span, form("deliver", "client", attributes, "answered 503"), b"r1")
    tracer.close()
    [found] = collector.spans
    assert (found.name, found.kind, found.trace, found.parent) == ("deliver", 3, TRACE, SPAN)
    assert found.state == "a=1,b=2"
    assert span.carried == f"00-{TRACE}-{found.id}-01 a=1,b=2"
    assert found.attributes == dict(attributes) | {"receiver.receipt": "r1"}
    assert found.failed
    assert "answered 503" in found.raw


def test_spans_of_one_form_keep_what_is_their_own(collector: Collector) -> None:
    tracer = Tracer()
    published = form("normalise", "consumer", {"receiver.outcome": "published"})
    for receipt in (b"r1", b"r2", b""):
        tracer.end(tracer.begin(), published, receipt)
    tracer.close()
    assert [span.attributes.get("receiver.receipt") for span in collector.spans] == [
        "r1",
        "r2",
        None,
    ]
    assert len({span.trace for span in collector.spans}) == 3
    assert len({span.id for span in collector.spans}) == 3
    assert {(span.parent, span.state, span.failed) for span in collector.spans} == {("", "", False)}


def test_what_is_not_sampled_is_not_exported_and_its_children_hear_it(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    tracer = Tracer()
    root = tracer.begin()
    child = tracer.begin(f"00-{TRACE}-{SPAN}-01 a=1")
    for span in (root, child):
        tracer.end(span, b"")
    tracer.close()
    assert collector.spans == []
    # The second flag says that the trace id was drawn at random (Trace Context Level 2).
    assert root.carried[-3:] == "-02"
    assert child.carried[:36] == f"00-{TRACE}-"
    assert SPAN not in child.carried
    assert child.carried[-6:] == "00 a=1"


@pytest.mark.parametrize(
    ("flags", "handed_on"),
    [("00", f"{SPAN}-00 a=1"), ("02", f"{SPAN}-02 a=1"), ("f8", "-00 a=1"), ("03", "-02 a=1")],
)
def test_who_samples_no_more_than_his_parent_hands_its_context_on_as_it_is(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, flags: str, handed_on: str
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    tracer = Tracer()
    carried = tracer.begin(f"00-{TRACE}-{SPAN}-{flags} a=1").carried
    tracer.close()
    assert carried.startswith(f"00-{TRACE}-")
    assert carried.endswith(handed_on)
    assert (SPAN in carried) == (SPAN in handed_on)


def test_the_resource_is_what_opentelemetry_s_variables_say(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "ours")
    tracer = Tracer()
    tracer.end(tracer.begin(), form("normalise", "consumer", {}))
    tracer.close()
    assert [span.service for span in collector.spans] == ["ours"]
