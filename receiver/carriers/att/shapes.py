"""Finding the items in a body: flat, or inside the wrappers of OneAPI, alone or in a list."""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import msgspec

from receiver.carriers.callback import MAX_REFUSED_ITEMS, Reading, RefusedItem, Rejected
from receiver.carriers.placeholder import identifies_nothing

Fields = dict[str, Any]
"""An item's fields by lower-case name: AT&T documents both `MessageId` and `messageId`."""

Wrappers = dict[str, str]
"""Lower-case name of a wrapper to the name its document gives it, the outermost first."""

MAX_EVENTS_BYTES: Final = 8 * 1024 * 1024
"""Some three hundred statuses; the carriers of these forms send one, or a handful."""

REFERENCES: Final = (
    "resourceurl",
    "referencecode",
    "referencenumber",
    "referenceid",
    "reference",
    "clientcorrelator",
    "correlator",
    "requestid",
)
"""What names the request that a status is about, in OneAPI, OMA messaging and ParlayX."""

_INHERITED: Final = ("messageid", "callbackdata", "link", *REFERENCES)
"""What a wrapper says for all its items."""

T = TypeVar("T")


def collect(
    value: Any, wrappers: Wrappers, parse: Callable[[Fields], T]
) -> tuple[list[T], list[RefusedItem]]:
    """The items that `parse` understands, and the others with the reason. Raises `Rejected` when
    there is none of the former.
    """
    good: list[T] = []
    bad: list[RefusedItem] = []
    for path, item in _items(value, wrappers, {}, ""):
        try:
            good.append(parse(_object(item)))
        except Rejected as fault:
            bad.append(RefusedItem(path + fault.reason, msgspec.json.encode(item)))
            if len(bad) > MAX_REFUSED_ITEMS:
                raise Rejected("body: too many bad items") from None
    if not good:
        raise Rejected(bad[0].reason if bad else "body: no item in it")
    return good, bad


def reading(body: bytes, good: list[T], bad: list[RefusedItem]) -> Reading:
    """The body stays whole: `normalise` finds its items again. Raises `Rejected` on a list so long
    that its events, each with the whole body in it, would fill the store.
    """
    if len(good) * len(body) > MAX_EVENTS_BYTES:
        raise Rejected("body: too many items for one request")
    return Reading((body,), tuple(bad))


def text(fields: Fields, name: str, shown: str) -> str:
    """A field that must be there, though it may be empty or null; numbers as decimal text."""
    found = optional_text(fields, name, shown)
    if found is None and name not in fields:
        raise Rejected(f"{shown}: missing")
    return found or ""


def filled_text(fields: Fields, name: str, shown: str) -> str:
    """A field that must say something."""
    found = text(fields, name, shown)
    if blank(found):
        raise Rejected(f"{shown}: empty")
    return found


def optional_text(fields: Fields, name: str, shown: str) -> str | None:
    """A field that may be missing or null."""
    value = fields.get(name)
    if value is None or type(value) is str:
        return value
    if type(value) in (int, float):
        return str(value)
    raise Rejected(f"{shown}: a text is wanted")


def blank(text: str) -> bool:
    """Whether it says nothing."""
    return not text or text.isspace()


def identifier(fields: Fields, name: str) -> str | None:
    """An id; a placeholder for one, and what is neither text nor a whole number, is no id."""
    value = fields.get(name)
    if type(value) is float and value.is_integer():
        value = int(value)
    found = str(value) if type(value) is int else value
    return found if type(found) is str and not identifies_nothing(found) else None


def _object(item: Any) -> Fields:
    if type(item) is not dict:
        raise Rejected("body: an object is wanted")
    return item


def _items(
    value: Any, wrappers: Wrappers, inherited: Fields, path: str
) -> Iterable[tuple[str, Any]]:
    if type(value) is not dict:
        return [(path, value)]
    fields = {name.lower(): inner for name, inner in value.items()}
    wrapper = _wrapper_in(fields, wrappers)
    if wrapper is None:
        return [(path, inherited | fields if inherited else fields)]
    for name in _INHERITED:
        if name in fields:
            inherited = {**inherited, name: fields[name]}
    inner = fields[wrapper]
    path += wrappers.get(wrapper, "body")
    if type(inner) is not list:
        return _items(inner, wrappers, inherited, f"{path}.")
    return (
        found
        for index, item in enumerate(inner)
        for found in _items(item, wrappers, inherited, f"{path}[{index}].")
    )


def _wrapper_in(fields: Fields, wrappers: Wrappers) -> str | None:
    for name in wrappers:
        if name in fields:
            return name
    if len(fields) == 1:
        (name, inner) = next(iter(fields.items()))
        if type(inner) is dict:
            return name  # an XML document's root, whatever its name
    return None
