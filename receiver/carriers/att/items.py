"""Finding the items in a body: flat, or inside the wrappers of OneAPI, alone or in a list."""

from collections.abc import Callable, Iterable
from math import inf
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from receiver.carriers.carrier import MAX_REFUSED_ITEMS, RefusedItem, Rejected
from receiver.carriers.formats.placeholder_id import identifies_nothing

Fields = dict[str, Any]
"""An item's fields by lower-case name: AT&T documents both `MessageId` and `messageId`."""

Wrappers = dict[str, str]
"""Lower-case name of a wrapper to the name its document gives it, the outermost first."""

MAX_ITEMS_BYTES: Final = 1024 * 1024
MAX_GROWTH: Final = 4
"""The items of one body, each with what its wrappers say for all, may be as long as the longer of
`MAX_ITEMS_BYTES` and `MAX_GROWTH` times the body."""
MAX_STORED_BYTES: Final = 32 * 1024 * 1024
"""The same for a body that is stored already, which an older version may have taken by another
rule: what a worker has memory for."""

_EXACT: Final = 10**21
"""From there on languages write a number with an exponent, and nobody means a text by it."""

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
_encode: Final = msgspec.json.Encoder().encode


class Room:
    """Count the bytes of the items of one body, good and bad, each before it is looked at: wrappers
    may say so much for so many that their events would fill memory and store.

    What is `stored` was acknowledged, maybe by an older version: it has more room, and its bad
    items are not counted.
    """

    def __init__(self, body: bytes, *, stored: bool = False) -> None:
        least = MAX_STORED_BYTES if stored else MAX_ITEMS_BYTES
        self._left = max(least, MAX_GROWTH * len(body))
        self.most_bad = inf if stored else MAX_REFUSED_ITEMS
        """Bad items that it may have."""
        self._alone = True

    def take(self, size: int) -> None:
        """Count an item. Raises `Rejected` for one too many; an item alone always has room."""
        self._left -= size
        if self._left < 0 and not self._alone:
            raise Rejected("body: too many items for one request")
        self._alone = False


class Item(NamedTuple, Generic[T]):
    """Hold an item of a body: its meaning, its fields and what it was in the body."""

    meaning: T
    fields: Fields
    """By lower-case name, with what its wrappers say for all of their items."""
    written: dict[str, Any]
    """As it stands in the body, without its wrappers; of a list of addresses it has its own."""


def sort(
    value: Any, wrappers: Wrappers, parse: Callable[[Fields], T], room: Room
) -> tuple[list[Item[T]], list[RefusedItem]]:
    """Return the items that `parse` understands, and the others with the reason. Raises `Rejected`
    where they are too many for the body's `room`, or nearly all are bad.
    """
    good: list[Item[T]] = []
    bad: list[RefusedItem] = []
    for path, item, written in _items(value, wrappers, {}, ""):
        encoded = _encode(item)
        room.take(len(encoded))
        try:
            good.append(Item(parse(_object(item)), item, written))
        except Rejected as fault:
            bad.append(RefusedItem(path + fault.reason, encoded))
            if len(bad) > room.most_bad:
                raise Rejected("body: too many bad items") from None
    return good, bad


def holds(value: Any, wrappers: Wrappers) -> bool:
    """Return whether a body has one of the wrappers, at the top or under an XML document's root."""
    while type(value) is dict:
        if any(name.lower() in wrappers for name in value):
            return True
        value = next(iter(value.values())) if len(value) == 1 else None
    return False


def fields_of(value: Any) -> Fields:
    """Return an object's members under their names in lower case; empty for anything else."""
    return {name.lower(): inner for name, inner in value.items()} if type(value) is dict else {}


def text(fields: Fields, name: str, shown: str) -> str:
    """Return a field that must be there, though it may be empty or null; numbers as decimal
    text.
    """
    found = optional_text(fields, name, shown)
    if found is None and name not in fields:
        raise Rejected(f"{shown}: missing")
    return found or ""


def filled_text(fields: Fields, name: str, shown: str) -> str:
    """Return a field that must be there and not be blank."""
    found = text(fields, name, shown)
    if blank(found):
        raise Rejected(f"{shown}: empty")
    return found


def optional_text(fields: Fields, name: str, shown: str) -> str | None:
    """Return a field that may be missing or null. A list with one value counts as that value."""
    value = fields.get(name)
    if value is None or type(value) is str:
        return value
    if type(value) is list and value and all(type(one) is str and one == value[0] for one in value):
        return str(value[0])
    if type(value) is float and value.is_integer() and abs(value) < _EXACT:
        value = int(value)  # JSON knows one kind of number only (RFC 8259, section 6)
    if type(value) in (int, float):
        return str(value)
    raise Rejected(f"{shown}: a text is wanted")


def first_text(fields: Fields, name: str, shown: str) -> str | None:
    """Return a field that may be a list, of which the first filled value counts."""
    value = fields.get(name)
    if type(value) is list:
        fields = {name: next((one for one in value if one not in (None, "")), None)}
    return optional_text(fields, name, shown)


def blank(text: str) -> bool:
    """Return whether a value is empty or blank."""
    return not text or text.isspace()


def identifier(fields: Fields, name: str) -> str | None:
    """Return an id; None for a placeholder and for what is neither text nor a whole number."""
    value = fields.get(name)
    if type(value) is float and value.is_integer():
        value = int(value)
    found = str(value) if type(value) is int else value
    return found if type(found) is str and not identifies_nothing(found) else None


def _object(item: Any) -> Fields:
    if type(item) is not dict:
        raise Rejected("body: an object is wanted")
    return item


_Found = tuple[str, Any, Any]
"""Its path, its fields with what is inherited, and the item as written."""


def _items(value: Any, wrappers: Wrappers, inherited: Fields, path: str) -> Iterable[_Found]:
    if type(value) is not dict:
        return [(path, value, value)]
    fields = fields_of(value)
    if fields.keys().isdisjoint(wrappers):
        found = _root(fields)
    else:
        found = [name for name in wrappers if name in fields]
    if not found:
        whole = inherited | fields if inherited else fields
        return ((path, *each) for each in _by_address(whole, value))
    for name in _INHERITED:
        if name in fields:
            inherited = {**inherited, name: fields[name]}
    return (
        item
        for wrapper in found
        for item in _inside(
            fields[wrapper], wrappers, inherited, path + wrappers.get(wrapper, "body")
        )
    )


def _inside(inner: Any, wrappers: Wrappers, inherited: Fields, path: str) -> Iterable[_Found]:
    if type(inner) is not list:
        return _items(inner, wrappers, inherited, f"{path}.")
    return (
        found
        for index, item in enumerate(inner)
        for found in _items(item, wrappers, inherited, f"{path}[{index}].")
    )


def _root(fields: Fields) -> list[str]:
    """Return the name of an XML document's only member, whatever it is; empty for anything else."""
    if len(fields) != 1:
        return []
    return [name for name, inner in fields.items() if type(inner) is dict]


def _by_address(fields: Fields, written: dict[str, Any]) -> Iterable[tuple[Fields, dict[str, Any]]]:
    """Return one status for each address (OneAPI has one address, some senders send a list)."""
    addresses = fields.get("address")
    if type(addresses) is not list or not addresses:
        return [(fields, written)]
    name = next(name for name in written if name.lower() == "address")
    return (({**fields, "address": one}, {**written, name: one}) for one in addresses)
