"""The envelope check: a CloudEvent 1.0, or the form CAMARA had before CloudEvents.

Our own check, because the SDK's is none: it invents `id`, `time` and `specversion` where they are
missing, refuses attributes that are null, and takes any `datacontenttype` and `data_base64`.
"""

import binascii
import re
from typing import Any, Final

from receiver.carriers import moment
from receiver.carriers.attribute import has_control
from receiver.carriers.callback import Rejected

_USUAL: Final = frozenset(
    {"specversion", "id", "source", "type", "time", "datacontenttype", "data"}
)
_RARE: Final = frozenset({"subject", "dataschema", "data_base64"})
_EARLY: Final = frozenset({"eventSubscriptionId", "event"})
"""Members of the form before CloudEvents. Nokia's handler still expects them beside CloudEvents
attributes, so they do not make an event invalid, as other names in camelCase do."""

_EXTENSION_NAME: Final = re.compile(r"[a-z0-9]+").fullmatch
_MEDIA_TYPE: Final = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+*-]+\s*(?:;.*)?", re.ASCII).fullmatch
_SHOWABLE: Final = re.compile(r"[A-Za-z][A-Za-z_.-]{0,39}").fullmatch


def is_cloudevent(value: Any) -> bool:
    """False when it is only the early form. Raises `Rejected` when it is neither."""
    if type(value) is not dict:
        raise Rejected("body: a JSON object is wanted")
    if not is_early(value):
        _check(value)
        return True
    try:
        _check(value)
    except Rejected:
        return False
    return True


def is_early(event: dict[str, Any]) -> bool:
    """CAMARA's form of 2023, `{"eventSubscriptionId", "event": {"eventType", …}}` (Commonalities
    v0.1.0), also where CloudEvents attributes stand beside it, as in Nokia's documentation.
    """
    inner = event.get("event")
    if type(inner) is not dict:
        return False
    kind = inner.get("eventType")
    return type(kind) is str and bool(kind.strip())


def whole(value: Any) -> Any:
    """A number without a fraction as the integer it is, however it is spelled: JSON knows one kind
    of number only (RFC 8259, section 6).
    """
    return int(value) if type(value) is float and value.is_integer() else value


def _check(event: dict[str, Any]) -> None:
    # CAMARA's own examples have both as numbers: "specversion": 1.0 (geofencing 0.1),
    # "id": 123654 (event guide).
    version = event.get("specversion")
    if version != "1.0" and (type(version) is not float or version != 1.0):
        raise Rejected("specversion: missing or not 1.0")
    identifier = whole(event.get("id"))
    if type(identifier) is int:
        if not -(2**63) <= identifier < 2**64:
            raise Rejected("id: a number of more than 64 bits")
    elif not _text("id", identifier).strip():
        raise Rejected("id: blank")
    _text("source", event.get("source"))
    _text("type", event.get("type"))
    time = event.get("time")
    if time is not None and (type(time) is not str or moment.rfc3339(time) is None):
        raise Rejected("time: not an RFC 3339 time with a zone")
    if not event.keys() <= _USUAL or event.get("datacontenttype") != "application/json":
        _unusual(event)


def _unusual(event: dict[str, Any]) -> None:
    """An attribute that is null is absent (CloudEvents JSON format, section 2.2)."""
    for name in ("datacontenttype", "subject", "dataschema"):
        if event.get(name) is not None:
            _text(name, event[name])
    media_type = event.get("datacontenttype")
    if media_type is not None and not _MEDIA_TYPE(media_type):
        raise Rejected("datacontenttype: not a media type (RFC 2046)")
    if event.get("data_base64") is not None:
        _base64(event)
    for name in event.keys() - _USUAL - _RARE - _EARLY:
        _extension(name, event[name])


def _base64(event: dict[str, Any]) -> None:
    if event.get("data") is not None:
        raise Rejected("data_base64: not beside data")
    encoded = event["data_base64"]
    try:
        binascii.a2b_base64(encoded, strict_mode=True)
    except (TypeError, ValueError):
        raise Rejected("data_base64: not base64") from None


def _text(name: str, value: Any) -> str:
    """CloudEvents' String (section 2.4), not empty and without control characters."""
    if value is None:
        raise Rejected(f"{name}: missing")
    if type(value) is not str or not value:
        raise Rejected(f"{name}: a text that is not empty is wanted")
    if has_control(value):
        raise Rejected(f"{name}: a control character")
    return value


def _extension(name: str, value: Any) -> None:
    shown = name if _SHOWABLE(name) else "an attribute"
    if not _EXTENSION_NAME(name):
        raise Rejected(f"{shown}: not a CloudEvents attribute name (a-z, 0-9)")
    value = whole(value)
    if type(value) is int:
        if not -(2**31) <= value < 2**31:
            raise Rejected(f"{shown}: an integer of more than 32 bits")
    elif value is not None and type(value) is not bool and type(value) is not str:
        raise Rejected(f"{shown}: neither text, integer nor boolean")
