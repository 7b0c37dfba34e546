"""The envelope check: a CloudEvent 1.0, or the form CAMARA had before CloudEvents.

Our own check, because the SDK's is none: it invents `id`, `time` and `specversion` where they are
missing, refuses attributes that are null, and takes any `datacontenttype` and `data_base64`.

CAMARA specifies no repeats, so a slip whose meaning is plain is understood: a version, a time or
an attribute's name that is spelled otherwise, an optional attribute that is empty, a number where
a text is wanted.
"""

import binascii
import re
from datetime import UTC, datetime
from typing import Any, Final

from receiver.carriers.carrier import Rejected
from receiver.carriers.formats import timestamp
from receiver.carriers.formats.cloudevent_text import has_control

_USUAL: Final = frozenset(
    {"specversion", "id", "source", "type", "time", "datacontenttype", "data"}
)
_RARE: Final = frozenset({"subject", "dataschema", "data_base64"})
_EARLY: Final = frozenset({"eventSubscriptionId", "event"})
"""Members of the form before CloudEvents. Nokia's handler still expects them beside CloudEvents
attributes, so they do not make an event invalid, as other names in camelCase do."""

_SPELLINGS: Final = {name.replace("_", ""): name for name in _USUAL | _RARE}
"""Names without capitals and underscores to CloudEvents' own: `dataContentType`, `DataSchema`."""
_OPTIONAL: Final = ("datacontenttype", "subject", "dataschema")

_VERSION: Final = re.compile(r"\s*v?1(?:\.[0-9]{1,4}){0,2}\s*", re.IGNORECASE).fullmatch
_EXTENSION_NAME: Final = re.compile(r"[a-z0-9]+").fullmatch
_MEDIA_TYPE: Final = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+*-]+\s*(?:;.*)?", re.ASCII).fullmatch
_SHOWABLE: Final = re.compile(r"[A-Za-z][A-Za-z_.-]{0,39}").fullmatch


def cloudevent(value: Any) -> dict[str, Any] | None:
    """Return the event with its attributes under their own names; None when it has only the early
    form.

    Raises `Rejected` when it is neither.
    """
    if type(value) is not dict:
        raise Rejected("body: a JSON object is wanted")
    usual = value.keys() <= _USUAL
    event = value if usual else _named(value)
    if usual or not is_early(event):
        _check(event, usual=usual)
        return event
    try:
        _check(event, usual=False)
    except Rejected:
        return None
    return event


def is_early(event: dict[str, Any]) -> bool:
    """Return whether a value has CAMARA's form of 2023, `{"eventSubscriptionId", "event":
    {"eventType", …}}` (Commonalities v0.1.0), also where CloudEvents attributes stand beside it, as
    in Nokia's documentation.
    """
    inner = event.get("event")
    if type(inner) is not dict:
        return False
    kind = inner.get("eventType")
    return type(kind) is str and bool(kind.strip())


def text_of(value: Any) -> str | None:
    """Return an attribute as text: a number in decimal, as CAMARA's own examples have an id (event
    guide); None where it is blank. A number without a fraction is an integer however it is spelled:
    JSON knows one kind of number only (RFC 8259, section 6).
    """
    if type(value) is str:
        return None if not value or value.isspace() else value
    if type(value) is float and value.is_integer():
        value = int(value)
    return str(value) if type(value) in (int, float) else None


def time_of(value: Any) -> datetime | None:
    """Return the attribute `time`: RFC 3339, or another unambiguous notation; without a zone it is
    UTC.
    """
    if type(value) is str and (found := timestamp.rfc3339(value)):
        return found
    return timestamp.read(text_of(value), UTC)


def _named(value: dict[str, Any]) -> dict[str, Any]:
    """Return the event with attributes in another spelling renamed to CloudEvents' own, unless that
    one is there too.
    """
    event: dict[str, Any] = {}
    for name, inner in value.items():
        own = _SPELLINGS.get(name.lower().replace("_", ""), name)
        if own == name or own not in value:
            event[own] = inner
    return event


def _check(event: dict[str, Any], *, usual: bool) -> None:
    if event.get("specversion") != "1.0" and not _is_1(event.get("specversion")):
        raise Rejected("specversion: missing or not 1.0")
    identifier: Any = event.get("id")
    if type(identifier) in (int, float) and not -(2**63) <= identifier < 2**64:
        raise Rejected("id: a number of more than 64 bits")
    if not _text("id", identifier).strip():
        raise Rejected("id: blank")
    _text("source", event.get("source"))
    _text("type", event.get("type"))
    time = event.get("time")
    if time is not None and time_of(time) is None and not _blank(time):
        raise Rejected("time: not an RFC 3339 time")
    if not usual or event.get("datacontenttype") != "application/json":
        _unusual(event)


def _is_1(version: Any) -> bool:
    """Return whether a version is 1.x; CAMARA's own examples have a number (geofencing 0.1)."""
    if type(version) in (int, float):
        return bool(1 <= version < 2)
    return type(version) is str and _VERSION(version) is not None


def _unusual(event: dict[str, Any]) -> None:
    """Check the optional attributes. One that is null is absent (CloudEvents JSON format, section
    2.2); so is one that is blank.
    """
    for name in _OPTIONAL:
        if event.get(name) is not None and not _blank(event[name]):
            _text(name, event[name])
    media_type = event.get("datacontenttype")
    if media_type is not None and not _blank(media_type) and not _MEDIA_TYPE(str(media_type)):
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
    """Return an attribute that must be a CloudEvents String (section 2.4), not empty and without
    control characters. Raises `Rejected`.
    """
    if value is None:
        raise Rejected(f"{name}: missing")
    found = value if type(value) is str else text_of(value)
    if type(found) is not str or not found:
        raise Rejected(f"{name}: a text that is not empty is wanted")
    if has_control(found):
        raise Rejected(f"{name}: a control character")
    return found


def _blank(value: Any) -> bool:
    return type(value) is str and not value.strip(" ")


def _extension(name: str, value: Any) -> None:
    shown = name if _SHOWABLE(name) else "an attribute"
    if not _EXTENSION_NAME(name):
        raise Rejected(f"{shown}: not a CloudEvents attribute name (a-z, 0-9)")
    if type(value) in (dict, list):
        raise Rejected(f"{shown}: neither text, number nor boolean")
