"""OTLP's protobuf of spans, written by hand: opentelemetry-proto 1.x, `trace/v1/trace.proto`.

A span is a few fields of its own beside bytes that many have in common: its form. Messages of
protobuf's library for each span would take several times as long as the rest of its making.
"""

import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Literal

Kind = Literal["server", "client", "producer", "consumer"]
Attributes = Mapping[str, str | int | None]

FORMS: Final = 1024
"""Forms that their makers keep: there are some for each listener, status, outcome and sink."""
_KINDS: Final[dict[Kind, int]] = {"server": 2, "client": 3, "producer": 4, "consumer": 5}
_VARINT, _FIXED64, _BYTES = 0, 1, 2
"""Wire types of protobuf."""
_NUMBER: Final = (1 << 64) - 1

_OWN: Final = struct.Struct("<H16sH8sBQBQ")
"""Trace id, span id, begin and end (fields 1, 2, 7, 8), each behind its tag."""
_CHILD: Final = struct.Struct("<H8sHI")
"""Span id of the parent and flags (fields 4 and 16): a parent is a span of another process."""
_CHILD_FLAGS: Final = 0x300
_ROOT: Final = b"\x85\x01" + (0x100).to_bytes(4, "little")
"""Flags of a span without a parent: whether one is remote is known."""


def span(carried: str, parent: str, began: int, ended: int, form: bytes, receipt: bytes) -> bytes:
    """Encode a span as the field of a `ScopeSpans`. `carried` is its own context and `parent` its
    parent's or empty, both as `receiver.runtime.tracing.context` has them; times are nanoseconds
    since 1970.
    """
    trace, own = bytes.fromhex(carried[3:35]), bytes.fromhex(carried[36:52])
    parts = _OWN.pack(0x100A, trace, 0x0812, own, 0x39, began, 0x41, ended) + form
    if parent:
        parts += _CHILD.pack(0x0822, bytes.fromhex(parent[36:52]), 0x0185, _CHILD_FLAGS)
    else:
        parts += _ROOT
    if len(carried) > 56:
        parts += _field(3, carried[56:].encode())
    if receipt:
        parts += _receipt(len(receipt)) + receipt
    return b"\x12" + _varint(len(parts)) + parts


def form(name: str, kind: Kind, attributes: Attributes, failure: str = "") -> bytes:
    """Encode what many spans have in common: attributes, without those that are None, and a
    `failure` if they have failed.
    """
    parts = _field(5, name.encode()) + _integer(6, _KINDS[kind]) + _attributes(9, attributes)
    if failure:
        parts += _field(15, _field(2, failure.encode()) + _integer(3, 2))
    return parts


def envelope(resource: Mapping[str, Any], schema: str, name: str, version: str) -> list[bytes]:
    """Encode all of an `ExportTraceServiceRequest` but its spans: what `request` wants."""
    scope = _field(1, _field(1, name.encode()) + _field(2, version.encode()))
    return [
        _field(1, _attributes(1, resource)),
        scope,
        _field(3, schema.encode()),
    ]


def request(around: Sequence[bytes], spans: Sequence[bytes]) -> bytes:
    """Return a whole request: an envelope with spans in it."""
    resource, scope, schema = around
    return _field(1, resource + _field(2, b"".join([scope, *spans])) + schema)


def _attributes(number: int, attributes: Mapping[str, Any]) -> bytes:
    return b"".join(
        _field(number, _field(1, key.encode()) + _field(2, _value(value)))
        for key, value in attributes.items()
        if value is not None
    )


def _value(value: Any) -> bytes:
    """Encode an `AnyValue`: of a resource there may be any that OpenTelemetry knows."""
    match value:
        case str():
            return _field(1, value.encode())
        case bool():
            return _integer(2, value)
        case int():
            return _integer(3, value)
        case float():
            return _tag(4, _FIXED64) + struct.pack("<d", value)
        case bytes():
            return _field(7, value)
    return _field(5, b"".join(_field(1, _value(each)) for each in value))


@lru_cache(maxsize=64)
def _receipt(size: int) -> bytes:
    """Return the bytes that make a receipt of that size an attribute when they precede it."""
    whole = _attributes(9, {"receiver.receipt": "x" * size})
    return whole[: len(whole) - size]


def _field(number: int, value: bytes) -> bytes:
    return _tag(number, _BYTES) + _varint(len(value)) + value


def _integer(number: int, value: int) -> bytes:
    return _tag(number, _VARINT) + _varint(value & _NUMBER)


def _tag(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _varint(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,))
    if value < 0x4000:
        return bytes((value & 0x7F | 0x80, value >> 7))
    return bytes((value & 0x7F | 0x80,)) + _varint(value >> 7)
