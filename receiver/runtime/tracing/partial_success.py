"""What a collector that took a request says it rejected of it: `ExportTraceServiceResponse`.

OpenTelemetry, "OTLP Specification" 1.x, "Partial Success"; opentelemetry-proto 1.x,
`collector/trace/v1/trace_service.proto`.
"""

from collections.abc import Iterator
from typing import Final

MOST: Final = 64 * 1024
"""Bytes of an answer that are looked at. The count comes before the collector's own words."""
_PARTIAL_SUCCESS: Final = 1
_REJECTED_SPANS: Final = 1
_NEGATIVE: Final = 1 << 63
"""From here on a varint is a number below nought."""


def rejected_spans(answer: bytes) -> int:
    """Return how many spans an answer says were rejected; 0 where it says nothing of them, or is no
    such answer. Never raises.
    """
    found = 0
    for number, said in _fields(answer):
        if number == _PARTIAL_SUCCESS and isinstance(said, bytes):
            counts = [x for n, x in _fields(said) if n == _REJECTED_SPANS and isinstance(x, int)]
            found = counts[-1] if counts else found
    return found if found < _NEGATIVE else 0


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field, as far as it is protobuf."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        value: int | bytes
        match tag & 7:
            case 0:
                value, at = _varint(message, at)
            case 1 | 5 as fixed:
                size = 8 if fixed == 1 else 4
                value, at = message[at : at + size], at + size
            case 2:
                size, at = _varint(message, at)
                value, at = message[at : at + size], at + size
            case _:
                return
        yield tag >> 3, value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return a number, of ten bytes at most, and where it ends; one that is cut off ends with the
    message.
    """
    value = shift = 0
    while at < len(message) and shift < 70:
        value |= (message[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if message[at - 1] < 0x80:
            break
    return value, at
