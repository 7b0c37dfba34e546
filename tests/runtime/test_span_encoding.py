"""Spans as bytes: what protobuf's own library reads in them is what was written."""

from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from receiver.runtime.tracing import encoding

TIMES = st.integers(0, (1 << 64) - 1)
TEXTS = st.sampled_from(["", "a", "\u00e9 \U0001f600", "x" * 127, "y" * 128, "z" * 20_000])
INTEGERS = st.integers(-(1 << 63), (1 << 63) - 1)
VALUES: Any = st.one_of(
    TEXTS,
    st.booleans(),
    INTEGERS,
    st.floats(allow_nan=False),
    st.binary(max_size=20),
    st.lists(TEXTS, max_size=3).map(tuple),
)


def _context(ids: bytes, state: str) -> str:
    return f"00-{ids[:16].hex()}-{ids[16:].hex()}-01 {state}".rstrip()


CONTEXTS = st.builds(
    _context,
    st.binary(min_size=24, max_size=24),
    st.sampled_from(["", "a=1", "a=1," * 60 + "b=2"]),
)


def _in(around: list[bytes], *spans: bytes) -> Any:
    whole = ExportTraceServiceRequest.FromString(encoding.request(around, spans))
    [resource] = whole.resource_spans
    return resource


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return tuple(map(_value, value.array_value.values))
    return getattr(value, kind)


def _attributes(message: Any) -> dict[str, Any]:
    return {each.key: _value(each.value) for each in message.attributes}


@settings(max_examples=60)
@given(
    own=CONTEXTS,
    parent=st.one_of(st.just(""), CONTEXTS),
    times=st.tuples(TIMES, TIMES),
    name=TEXTS,
    kind=st.sampled_from(get_args(encoding.Kind)),
    attributes=st.dictionaries(TEXTS, st.one_of(TEXTS, INTEGERS, st.none()), max_size=4),
    failure=TEXTS,
    receipt=st.sampled_from(["", "1" * 27, "2" * 200]),
)
def test_a_span_is_read_as_it_was_written(
    own: str,
    parent: str,
    times: tuple[int, int],
    name: str,
    kind: encoding.Kind,
    attributes: dict[str, Any],
    failure: str,
    receipt: str,
) -> None:
    form = encoding.form(name, kind, attributes, failure)
    one = encoding.span(own, parent, *times, form, receipt.encode())
    [scope] = _in(encoding.envelope({}, "", "us", "1"), one, one).scope_spans
    found, same = scope.spans
    assert found == same
    written = Span(
        trace_id=bytes.fromhex(own[3:35]),
        span_id=bytes.fromhex(own[36:52]),
        trace_state=own[56:],
        parent_span_id=bytes.fromhex(parent[36:52]),
        # Whether the parent is remote is known, and every parent is.
        flags=0x300 if parent else 0x100,
        name=name,
        kind=Span.SpanKind.Value(f"SPAN_KIND_{kind.upper()}"),
        start_time_unix_nano=times[0],
        end_time_unix_nano=times[1],
    )
    known = {key: value for key, value in attributes.items() if value is not None}
    known |= {"receiver.receipt": receipt} if receipt else {}
    assert _attributes(found) == known
    if failure:
        written.status.code, written.status.message = Status.STATUS_CODE_ERROR, failure
    found.ClearField("attributes")
    assert found == written


@settings(max_examples=30)
@given(attributes=st.dictionaries(TEXTS, VALUES, max_size=5), schema=TEXTS)
def test_what_is_around_the_spans_is_read_as_it_was_written(
    attributes: dict[str, Any], schema: str
) -> None:
    found = _in(encoding.envelope(attributes, schema, "us", "1.0"))
    assert _attributes(found.resource) == attributes
    assert found.schema_url == schema
    [scope] = found.scope_spans
    assert (scope.scope.name, scope.scope.version, len(scope.spans)) == ("us", "1.0", 0)


def test_a_value_of_a_resource_has_its_own_type() -> None:
    kinds = {"string_value": "", "bool_value": True, "int_value": 1, "double_value": 1.0}
    found = _in(encoding.envelope(kinds, "", "us", "1")).resource.attributes
    assert {each.key: each.value.WhichOneof("value") for each in found} == {k: k for k in kinds}
    assert AnyValue(int_value=1) != AnyValue(bool_value=True)
