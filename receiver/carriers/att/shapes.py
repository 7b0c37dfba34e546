"""Finding the items in a body: flat, or inside the wrappers of OneAPI, alone or in a list."""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import msgspec

from receiver.carriers.callback import Reading, RefusedItem, Rejected

Fields = dict[str, Any]
"""An item's fields by lower-case name: AT&T documents both `MessageId` and `messageId`."""

_INHERITED: Final = ("messageid", "callbackdata")
"""What a wrapper says for all its items."""

T = TypeVar("T")


def collect(
    value: Any, wrappers: tuple[str, ...], parse: Callable[[Fields], T]
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
    if not good:
        raise Rejected(bad[0].reason if bad else "body: no item in it")
    return good, bad


def reading(body: bytes, bad: list[RefusedItem]) -> Reading:
    """The body stays whole: `normalise` finds its items again."""
    return Reading((body,), tuple(bad))


def text(fields: Fields, name: str, shown: str) -> str:
    """A field that must be there, though it may be empty or null; numbers as decimal text."""
    if name not in fields:
        raise Rejected(f"{shown}: missing")
    return optional_text(fields, name, shown) or ""


def filled_text(fields: Fields, name: str, shown: str) -> str:
    """A field that must say something."""
    found = text(fields, name, shown)
    if not found or found.isspace():
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


def identifier(fields: Fields, name: str) -> str | None:
    """An id; an empty or blank one, and one that is no text, is no id."""
    value = fields.get(name)
    if type(value) is int:
        return str(value)
    return value if type(value) is str and value.strip() else None


def _object(item: Any) -> Fields:
    if type(item) is not dict:
        raise Rejected("body: an object is wanted")
    return item


def _items(
    value: Any, wrappers: tuple[str, ...], inherited: Fields, path: str
) -> Iterator[tuple[str, Any]]:
    if type(value) is not dict:
        yield path, value
        return
    fields = {name.lower(): inner for name, inner in value.items()}
    wrapper = next((name for name in wrappers if name in fields), None)
    if wrapper is None and len(fields) == 1 and type(next(iter(fields.values()))) is dict:
        wrapper = next(iter(fields))  # an XML document's root, whatever its name
    if wrapper is None:
        yield path, {**inherited, **fields}
        return
    inherited = {**inherited, **{name: fields[name] for name in _INHERITED if name in fields}}
    inner = fields[wrapper]
    path = f"{path}{wrapper}." if wrapper in wrappers else path
    if type(inner) is not list:
        yield from _items(inner, wrappers, inherited, path)
        return
    for index, item in enumerate(inner):
        yield from _items(item, wrappers, inherited, f"{path[:-1]}[{index}].")
