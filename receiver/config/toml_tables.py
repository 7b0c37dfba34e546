"""Finds everything that is wrong with the form of a TOML document: keys that are unknown or
missing, and values of another type than is wanted.
"""

import re
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, Final, NamedTuple, Union, get_args, get_origin

import msgspec

from receiver.config.fault import nearest
from receiver.config.toml_lines import Place

_OF_VALUES: Final = ("matching regex", "Invalid value", "Invalid enum")
_ELEMENT: Final = re.compile(r"\$\[(\d+)\]").search
_WANTED: Final = {
    "name": "1 to 32 of a-z, 0-9 and - are wanted",
    "method": "client_secret_basic, client_secret_post or private_key_jwt is wanted",
    "renewal": "overlap or replace is wanted",
    "repeats": "drop or publish is wanted",
    "apply": "auto or manual is wanted",
    "auth": "oauth or basic is wanted",
    "mode": "structured, binary or batch is wanted",
    "when_full": "park, shed or hold is wanted",
    "function": "a dotted name such as billing.jobs.on_event is wanted",
    "url": "a URL such as https://hooks.example.com/events is wanted, without user and password",
    "headers_env": "names of headers are wanted, none that says how long a request is",
    "signature": "att or oneapi is wanted",
    "origins": "names of senders are wanted, printable and without blanks",
}
_WANTED_ALWAYS: Final = {
    ("poll", "every"): "whole seconds from 10 to 900 are wanted",
    ("poll", "rate"): "requests a second are wanted, more than 0 and at most 1000",
}

Struct = type[msgspec.Struct]


class Wrong(NamedTuple):
    """One thing that is wrong, and where."""

    place: Place
    said: str


def wrongs(value: Any, kind: Any, place: Place = ()) -> Iterator[Wrong]:
    """Return what is wrong with a value of `tomllib` that is to be of a type."""
    structs = _structs(kind)
    if structs and isinstance(value, Mapping):
        yield from _of_table(value, structs, place)
    elif structs and isinstance(value, list):
        yield Wrong(place, f"one table is wanted: write [{_named(place)}]")
    elif _repeats(kind) and isinstance(value, list):
        for number, each in enumerate(value):
            yield from wrongs(each, get_args(kind)[0], (*place, number))
    elif _repeats(kind) and isinstance(value, Mapping):
        yield Wrong(place, f"there may be several: write [[{_named(place)}]], in two brackets")
    else:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            yield _of_value(place, str(error))


def _structs(kind: Any) -> tuple[Struct, ...]:
    """Return the types of table that a type stands for; none where it stands for none."""
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    found = tuple(one for one in kinds if isinstance(one, type) and issubclass(one, msgspec.Struct))
    return found if len(found) == len(kinds) else ()


def _repeats(kind: Any) -> bool:
    """Return whether a type stands for tables of which there may be several."""
    return get_origin(kind) is list and bool(_structs(get_args(kind)[0]))


def _named(place: Place) -> str:
    return ".".join(key for key in place if isinstance(key, str))


def _of_table(
    value: Mapping[str, Any], structs: tuple[Struct, ...], place: Place
) -> Iterator[Wrong]:
    tag_field = structs[0].__struct_config__.tag_field if len(structs) > 1 else None
    if tag_field:
        tags = {str(one.__struct_config__.tag): one for one in structs}
        if str(value.get(tag_field)) not in tags:
            *most, last = tags
            yield Wrong((*place, tag_field), f"{', '.join(most)} or {last} is wanted")
            return
        structs = (tags[str(value[tag_field])],)
    fields = {one.name: one for one in msgspec.structs.fields(structs[0])}
    absent = {*fields} - {*value}
    wanted = absent | {name for name, field in fields.items() if _repeats(field.type)}
    misspelt = set()
    for key, each in value.items():
        if key in fields:
            yield from wrongs(each, fields[key].type, (*place, key))
        elif key != tag_field:
            close = nearest(key, wanted)
            misspelt.add(close)
            yield Wrong((*place, key), _unknown(key, close))
    for key, field in fields.items():
        if field.required and key in absent - misspelt:
            yield Wrong(place, f"{key} is missing; add {key} = …")


def _unknown(key: str, close: str) -> str:
    said = f"there is no such key, did you mean {close}? Else" if close else "there is no such key;"
    return f"{said} remove {key}"


def _of_value(place: Place, message: str) -> Wrong:
    said, _, where = message.partition(" - at ")
    element = _ELEMENT(where)
    table, key = (place[0], place[-1]) if place else ("", "")
    if (table, key) in _WANTED_ALWAYS:
        said = _WANTED_ALWAYS[str(table), str(key)]
    elif any(each in said for each in _OF_VALUES):
        said = _WANTED.get(str(key), said)
    return Wrong((*place, int(element[1])) if element else place, said)
