"""Field to field: where each value of an event stands in what the carrier sent, found by value."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import msgspec

from receiver.console.mask import Masks
from receiver.contract.stored_values import UNREADABLE

MOST: Final = 500
"""Values of a body that are compared."""
SHOWN: Final = 3
"""Places that are named where a value stands in several."""
_OURS: Final = ("subject", "time")

_LONGEST: Final = 64
"""Characters of a name in a path: all that is inside repeats it."""


class Leaf(msgspec.Struct, frozen=True):
    """A value, and what it is compared by: each is found once, not once for each comparison."""

    path: str
    """Such as `deliveryInfo[0].address`."""
    value: Any
    name: str
    """The last of the path, in lower case."""
    text: str
    digits: str
    parts: list[str]
    """Its numbers, in order of their digits: of a time six."""


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
        said = masks.keys(msgspec.json.decode(event))
        data = dict(said["data"])
        raw = data.pop("raw")
        return _origins({name: said[name] for name in _OURS if name in said} | data, raw, masks)
    except (*UNREADABLE, KeyError, TypeError, ValueError):
        return []


def _origins(own: dict[str, Any], raw: Any, masks: Masks) -> list[Origin]:
    there = [_leaf("", raw)] if isinstance(raw, str) else _first_leaves(raw)
    shown = dict(islice(_leaves(masks.document(own)), MOST))
    return [
        Origin(one.path, _text(shown.get(one.path)), _places(one, there)[:SHOWN])
        for one in _first_leaves(own)
        if one.value not in (None, "")
    ]


def _places(field: Leaf, there: list[Leaf]) -> list[str]:
    if len(there) == 1 and not there[0].path:
        return _position(field.text, there[0].text)
    for same in (_equal, _same_number, _same_time):
        found = [other for other in there if same(field, other)]
        alike = [other for other in found if _alike(field.name, other.name)]
        if alike or (found and _telling(field.value)):
            return [other.path for other in alike or found]
    return [other.path for other in there if _alike(field.name, other.name)][:1]


def _position(value: str, text: str) -> list[str]:
    """Return where a value stands in a text body, which has no paths: its character's number."""
    at = text.find(value) if _telling(value) else -1
    return [f"character {at + 1}"] if at >= 0 else []


def _equal(ours: Leaf, theirs: Leaf) -> bool:
    same_type = type(ours.value) is type(theirs.value)
    return (same_type and bool(ours.value == theirs.value)) or ours.text == theirs.value


def _same_number(ours: Leaf, theirs: Leaf) -> bool:
    """Compare a number in E.164 with what was sent: `+12065550100` and `tel:2065550100`."""
    is_number = ours.text.startswith("+") and len(theirs.digits) >= 7
    return is_number and ours.digits.endswith(theirs.digits)


def _same_time(ours: Leaf, theirs: Leaf) -> bool:
    """Compare times by their parts in any order: `2011-04-15T12:00:00Z`, `04-15-2011T12:00:00`."""
    return len(ours.parts) == 6 and ours.parts == theirs.parts[:6]


def _telling(value: Any) -> bool:
    """Return whether a value is one that does not stand in a body by chance."""
    return not isinstance(value, bool) and len(str(value)) > 2


def _alike(ours: str, theirs: str) -> bool:
    return len(ours) > 1 and theirs.endswith(ours)


def _leaf(path: str, value: Any) -> Leaf:
    text = str(value)
    parts = sorted(re.findall(r"\d+", re.sub(r"\.\d+", "", text)))
    name = re.sub(r"\[\d+\]", "", path).rpartition(".")[2].lower()
    return Leaf(path, value, name, text, re.sub(r"\D", "", text), parts)


def _first_leaves(value: Any) -> list[Leaf]:
    return [_leaf(path, inner) for path, inner in islice(_leaves(value), MOST)]


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name[:_LONGEST]}".lstrip("."))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{number}]")
    else:
        yield path, value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
