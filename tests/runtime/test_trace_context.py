"""Whose child a request says it is: only what W3C Trace Context allows is taken."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from receiver.config.settings import load
from receiver.contract.records import Notification, decode_notification, encode
from receiver.runtime.tracing.context import context, sent

TRACE, SPAN = "ab" * 16, "cd" * 8
PARENT = f"00-{TRACE}-{SPAN}-01"


def _sent(*headers: tuple[str, str]) -> str:
    return sent([(name.encode(), value.encode("latin-1")) for name, value in headers])


def test_a_valid_parent_and_state_are_taken() -> None:
    state = ("tracestate", "a=1,b@c=2")
    assert _sent(("traceparent", PARENT), state) == f"{PARENT} a=1,b@c=2"
    assert _sent(("traceparent", f" {PARENT}\t"), ("accept", "x")) == PARENT


def test_states_in_several_headers_are_one() -> None:
    headers = [("traceparent", PARENT), ("tracestate", "a=1, "), ("tracestate", " b=2 ")]
    assert _sent(*headers) == f"{PARENT} a=1,b=2"


def test_a_version_to_come_is_read_as_the_one_we_know() -> None:
    assert _sent(("traceparent", f"01-{TRACE}-{SPAN}-01-more")) == PARENT


@pytest.mark.parametrize(
    "value",
    [
        "",
        "00",
        PARENT.upper(),
        f"{PARENT}-more",
        f"{PARENT}\n",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-zz",
        f"00-{'é' * 32}-{SPAN}-01",
        f"01-{TRACE}-{SPAN}-01-{'x' * 9999}",
        "00-" + "\u0661" * 32 + f"-{SPAN}-01",
    ],
)
def test_what_is_not_a_parent_is_as_if_it_were_not_there(value: str) -> None:
    assert context(value, "a=1") == ""


def test_two_parents_are_none() -> None:
    assert _sent(("traceparent", PARENT), ("traceparent", PARENT)) == ""


@pytest.mark.parametrize(
    "state",
    [
        "A=1",
        "a",
        "a=",
        "a=b=c",
        "a=1,a=2",
        "a=é",
        "a=\x00",
        'a=1,{"',
        "a=" + "x" * 257,
        ",".join(f"k{number}=1" for number in range(33)),
        ",".join(f"k{number}={'x' * 100}" for number in range(6)),
    ],
)
def test_a_state_that_is_not_one_is_dropped_and_the_parent_stays(state: str) -> None:
    assert _sent(("traceparent", PARENT), ("tracestate", state)) == PARENT


PIECES = st.sampled_from(["00", "ff", "-", "=", ",", " ", TRACE, SPAN, "01", "a", "\x00", "é", '"'])
TEXTS = st.lists(st.text() | PIECES).map("".join)


@given(TEXTS, TEXTS)
def test_whatever_is_sent_comes_out_valid_or_not_at_all(parent: str, state: str) -> None:
    for found in (context(parent, state), context(PARENT, state)):
        if found:
            before, _, after = found.partition(" ")
            assert context(before, after) == found
            carrier = {"traceparent": before, "tracestate": after}
            span = get_current_span(TraceContextTextMapPropagator().extract(carrier))
            assert span.get_span_context().trace_state.to_header() == after


class _Before(msgspec.Struct, frozen=True, array_like=True):
    """A notification as the version before this field has it."""

    callback: str
    listener: str
    receipt: str
    received: int
    content_type: str
    body: bytes


OLD: Sequence[object] = ("att.sms.mo", "promo", "r", 1, "application/json", b"{}")


def test_what_the_version_before_wrote_is_read() -> None:
    written = bytes.fromhex(
        "96aa6174742e736d732e6d6fa570726f6d6fa17201b06170706c69636174696f6e2f6a736f6ec4027b7d"
    )
    assert written == msgspec.msgpack.encode(OLD)
    assert decode_notification(written) == Notification(
        "att.sms.mo", "promo", "r", 1, "application/json", b"{}"
    )


def test_the_version_before_reads_what_we_write() -> None:
    written = encode(Notification("att.sms.mo", "promo", "r", 1, "application/json", b"{}", PARENT))
    old = msgspec.msgpack.decode(written, type=_Before)
    assert msgspec.structs.astuple(old) == OLD


@pytest.mark.parametrize(
    ("environ", "traces", "names"),
    [
        ({}, False, ""),
        ({"OTEL_SERVICE_NAME": "x"}, False, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318"}, True, ""),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x:4318/v1/traces"}, True, ""),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True, ""),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, False, ""),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}, False, ""),
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, False, "OTEL_TRACES_EXPORTER"),
        (
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            False,
            "OTEL_EXPORTER_OTLP_PROTOCOL",
        ),
    ],
)
def test_traces_are_on_only_when_they_have_somewhere_to_go(
    environ: dict[str, str], traces: bool, names: str
) -> None:
    found = load(environ | {"RECEIVER_CONFIG": "/dev/null"}).traces
    assert found.traces is traces
    assert found.fault.startswith(names)
    assert bool(found.fault) is bool(names)
