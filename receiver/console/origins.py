"""Field to field: where each value of an event stands in what the carrier sent, found by value."""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from receiver.console.mask import Masks

MOST: Final = 500
"""Values of a body that are compared."""
SHOWN: Final = 3
"""Places that are named where a value stands in several."""
_OURS: Final = ("subject", "time")

Leaf = tuple[str, Any]
"""A path such as `deliveryInfo[0].address`, and the value there."""


class Origin(msgspec.Struct, frozen=True):
    """One field of an event: its value as it is shown, and where it came from."""

    field: str
    value: str
    places: list[str]
    """Paths in the body; empty where the value does not stand there in any such form."""


def origins(event: bytes, masks: Masks) -> list[Origin]:
    """Return the fields of an event's data, its subject and its time, with their places in
    `data.raw`; empty for what is no event of ours.
    """
    try:
        said = msgspec.json.decode(event)
        data = dict(said["data"])
        raw = data.pop("raw")
    except (
        msgspec.MsgspecError,
        UnicodeDecodeError,
        RecursionError,
        KeyError,
        TypeError,
        ValueError,
    ):
        return []
    own = {name: said[name] for name in _OURS if name in said} | data
    there = [("", raw)] if isinstance(raw, str) else list(_leaves(raw))[:MOST]
    shown = dict(_leaves(masks.document(own)))
    return [
        Origin(path, _text(shown.get(path)), _places(path, value, there)[:SHOWN])
        for path, value in list(_leaves(own))[:MOST]
        if value not in (None, "")
    ]


def _places(field: str, value: Any, there: list[Leaf]) -> list[str]:
    if len(there) == 1 and not there[0][0]:
        return _position(str(value), there[0][1])
    name = _last(field)
    for same in (_equal, _same_number, _same_time):
        found = [path for path, other in there if same(value, other)]
        alike = [path for path in found if _alike(name, _last(path))]
        if alike or (found and _telling(value)):
            return alike or found
    return [path for path, _ in there if _alike(name, _last(path))][:1]


def _position(value: str, text: str) -> list[str]:
    """A text body has no paths: the number of the character."""
    at = text.find(value) if _telling(value) else -1
    return [f"character {at + 1}"] if at >= 0 else []


def _equal(value: Any, other: Any) -> bool:
    return (type(value) is type(other) and bool(value == other)) or str(value) == other


def _same_number(value: Any, other: Any) -> bool:
    """E.164 against what was sent: `+12065550100` and `tel:2065550100`."""
    ours, theirs = (re.sub(r"\D", "", str(one)) for one in (value, other))
    return str(value).startswith("+") and len(theirs) >= 7 and ours.endswith(theirs)


def _same_time(value: Any, other: Any) -> bool:
    """The same parts in any order: `2011-04-15T12:00:00Z` and `04-15-2011T12:00:00`."""
    ours, theirs = (
        sorted(re.findall(r"\d+", re.sub(r"\.\d+", "", str(one)))) for one in (value, other)
    )
    return len(ours) == 6 and ours == theirs[: len(ours)]


def _telling(value: Any) -> bool:
    """Whether a value is one that does not stand in a body by chance."""
    return not isinstance(value, bool) and len(str(value)) > 2


def _alike(ours: str, theirs: str) -> bool:
    return len(ours) > 1 and theirs.endswith(ours)


def _last(path: str) -> str:
    return re.sub(r"\[\d+\]", "", path).rpartition(".")[2].lower()


def _leaves(value: Any, path: str = "") -> Iterator[Leaf]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{number}]")
    else:
        yield path, value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
