"""Reading a published event as a typed value."""

from typing import Any

import msgspec

from receiver.events.event_types import TYPES, Event, KnownEvent, UnknownEvent

AnyEvent = KnownEvent | UnknownEvent


class NotAnEvent(ValueError):
    """What was to be parsed is no event of telecom-receiver's. Quotes no value of it."""


class _Typed(msgspec.Struct):
    type: str


_decode = msgspec.json.Decoder(KnownEvent).decode
_decode_type = msgspec.json.Decoder(_Typed).decode
_decode_unknown = msgspec.json.Decoder(UnknownEvent).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_FAULTS = (msgspec.DecodeError, UnicodeError, RecursionError)


def parse(document: bytes | str | dict[str, Any]) -> AnyEvent:
    """Return the event in a JSON document, or in the dictionary that an RQ job gets. Raises
    `NotAnEvent`.

    A type that this version does not know is an `UnknownEvent`, and attributes and fields that it
    does not know are left out: newer receivers may send them.
    """
    if isinstance(document, dict):
        return _converted(document)
    try:
        if _decode_type(document).type in TYPES:
            event: AnyEvent = _decode(document)
            return event
        return _decode_unknown(document)
    except _FAULTS as error:
        raise NotAnEvent(_where(error)) from None


def parse_batch(body: bytes | str) -> list[AnyEvent]:
    """Return the events in the body of a web hook: one, or a list in batch mode. Raises
    `NotAnEvent`.
    """
    if body.lstrip()[:1] not in (b"[", "["):
        return [parse(body)]
    try:
        return [parse(bytes(one)) for one in _decode_list(body)]
    except _FAULTS as error:
        raise NotAnEvent(_where(error)) from None


def _converted(document: dict[str, Any]) -> AnyEvent:
    name = document.get("type")
    kind: Any = KnownEvent if type(name) is str and name in TYPES else UnknownEvent
    try:
        event: AnyEvent = msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise NotAnEvent(_where(error)) from None
    return event


def _where(error: Exception) -> str:
    """Describe a fault by its path: the rest of msgspec's message may quote the document."""
    path = str(error).rpartition(" - at `")[2].rstrip("`") if " - at `" in str(error) else "$"
    return f"no event of telecom-receiver's: {path}"


__all__ = ["AnyEvent", "Event", "NotAnEvent", "parse", "parse_batch"]
