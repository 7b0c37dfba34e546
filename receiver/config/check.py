"""Everything that is wrong with the environment and `receiver.toml`, at once."""

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from receiver.config import (
    devices,
    environment,
    operators,
    polls,
    receiver_toml,
    sinks,
    unknown_variables,
)
from receiver.config.fault import Fault, nearest, shown
from receiver.config.receiver_toml import Document
from receiver.events.event_types import TYPES


def check(environ: Mapping[str, str]) -> list[Fault]:
    """Return all that is wrong, in words without a secret; those of the file in the order of its
    lines. Reads the files of devices too, and changes nothing.
    """
    values, faults = environment.read(environ)
    faults += [Fault(name, said) for name, said in unknown_variables.unknown(environ)]
    found = receiver_toml.read(environ)
    if isinstance(found, Fault):
        return [*faults, found]
    if found is None:
        return faults
    more = [*_of_filters(found), *_of_variables(found, environ), *_of_devices(found, environ)]
    more += _of_parking(found, parks="park_dir" in values)
    in_file = [one for one in (*found.faults, *more) if one.place == found.path]
    in_file.sort(key=lambda one: one.line or 0)
    return [*faults, *in_file, *(one for one in more if one.place != found.path)]


def _of_filters(found: Document) -> Iterator[Fault]:
    """Yield filters that let no event through: a sink with a misspelt one never gets anything."""
    heard = {one.heard_as for one in found.config.poll} | set(found.names("listener"))
    for number, sink in found.tables("sink"):
        for index, glob in enumerate(sink.types):
            if not any(fnmatchcase(each, glob) for each in TYPES):
                said = f"no event has a type like {glob!r}" + _hint(glob, TYPES)
                yield found.at(
                    ("sink", number, "types", index), f"sink {sink.name!r}, types: {said}"
                )
        for index, name in enumerate(sink.listeners if found.names("listener") else ()):
            if name not in heard:
                said = f"there is no [[listener]] {name!r}" + _hint(name, heard)
                place = ("sink", number, "listeners", index)
                yield found.at(place, f"sink {sink.name!r}, listeners: {said}")


def _of_variables(found: Document, environ: Mapping[str, str]) -> Iterator[Fault]:
    """Yield environment variables that tables name, and that are not set or cannot be meant."""
    kinds: dict[str, Callable[[Any, Mapping[str, str]], dict[str, str]]] = {
        "sink": sinks.variable_faults,
        "operator": operators.variable_faults,
        "poll": polls.variable_faults,
    }
    values = {name: value for name, value in environ.items() if value}
    for table, variable_faults in kinds.items():
        for number, one in found.tables(table):
            for name, said in sorted(variable_faults(one, values).items()):
                key = _key_with(found.raw(table, number), name)
                what = f"{table} {one.name!r}, {key}: the environment variable {shown(name)} {said}"
                yield found.at((table, number, key), what)


def _of_devices(found: Document, environ: Mapping[str, str]) -> Iterator[Fault]:
    path = receiver_toml.path_of(environ)
    asked = [(table, *each) for table in ("subscription", "poll") for each in found.tables(table)]
    for table, number, declared in asked:
        one = devices.beside(declared, path)
        in_file = getattr(one, "devices_file", "")
        if bool(in_file) == bool(getattr(one, "devices", ())):
            continue  # that is a fault already, or there are none
        for line, said in devices.faults(one):
            if in_file and line:
                yield Fault(in_file, said, line)
            elif in_file:
                what = f"{table} {one.name!r}, devices_file: {said}"
                yield found.at((table, number, "devices_file"), what)
            else:
                place = (table, number, "devices", (line or 1) - 1)
                yield found.at(place, f"{table} {one.name!r}, devices: {said}")


def _of_parking(found: Document, *, parks: bool) -> Iterator[Fault]:
    for number, sink in found.tables("sink"):
        if sink.when_full == "park" and not parks:
            said = "needs a directory: set RECEIVER_PARK_DIR (`receiver up` has one)"
            yield found.at(("sink", number, "when_full"), f"sink {sink.name!r}, when_full: {said}")


def _hint(name: str, known: Any) -> str:
    close = nearest(name, known)
    return f", did you mean {close}?" if close else ""


def _key_with(table: Mapping[str, Any], variable: str) -> str:
    """Return the key of a table whose value names a variable."""
    return next((key for key, value in table.items() if _names(value, variable)), "name")


def _names(value: Any, variable: str) -> bool:
    if isinstance(value, Mapping | list):
        each = value.values() if isinstance(value, Mapping) else value
        return any(_names(one, variable) for one in each)
    return bool(value == variable)
