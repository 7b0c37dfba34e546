"""`receiver.toml`: what it may hold, and everything that is wrong with what it holds."""

import contextlib
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, get_args

import msgspec

from receiver.config import (
    config_file,
    devices,
    handed_over,
    listeners,
    operators,
    poll_faults,
    sinks,
    subscription_sets,
)
from receiver.config.fault import Fault
from receiver.config.listeners import Handshake, Listener, Reader
from receiver.config.operators import Operator
from receiver.config.polls import Poll
from receiver.config.sinks import SinkSettings
from receiver.config.subscription_sets import SubscriptionSet
from receiver.config.toml_lines import Lines, Place
from receiver.config.toml_tables import Wrong, wrongs

TABLES: Final = ("listener", "reader", "sink", "operator", "subscription", "poll")
"""Those of which there may be several, each with a name."""
_AT: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")

_OWN_PATH: Final = re.compile(r"/(camara/notifications|att/(sms|messages)).*").search


class ConfigFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `receiver.toml` may hold."""

    public_url: str = ""
    operator: list[Operator] = msgspec.field(default_factory=list)
    subscription: list[SubscriptionSet] = msgspec.field(default_factory=list)
    listener: list[Listener] = msgspec.field(default_factory=list)
    sink: list[SinkSettings] = msgspec.field(default_factory=list)
    reader: list[Reader] = msgspec.field(default_factory=list)
    handshake: Handshake = Handshake()
    poll: list[Poll] = msgspec.field(default_factory=list)


class Document:
    """One text of `receiver.toml`, read as far as it can be."""

    def __init__(self, path: Path, text: str) -> None:
        self.config = ConfigFile()
        """What is right of it, with files resolved against its directory."""
        self.faults: list[Fault] = []
        """What is wrong with the rest, in the order of the lines."""
        self.path = str(path)
        self._path = path
        self.text = text
        self._lines: Lines | None = None
        self._raw: dict[str, Any] = {}
        self._bad: set[Place] = set()
        """Where a fault of form is, with the tables around it."""
        self._good: dict[str, dict[int, Any]] = {}
        """Table -> number in the file -> the table, without keys that have a fault of form."""
        try:
            self._raw = tomllib.loads(text)
        except RecursionError:
            self.faults = [Fault(str(path), "it is nested too deep")]
        except tomllib.TOMLDecodeError as error:
            self.faults = [_of_syntax(path, text, str(error))]
        else:
            self._check()

    def at(self, place: Place, said: str) -> Fault:
        """Return a fault of the file at a place in it."""
        if self._lines is None:
            self._lines = Lines(self.text)
        return Fault(self.path, said, self._lines.of(place))

    def tables(self, table: str) -> Iterator[tuple[int, Any]]:
        """Return the `[[table]]`s that can be read, each with its number in the file: without keys
        that have a fault of form.
        """
        yield from self._good.get(table, {}).items()

    def raw(self, table: str, number: int) -> Mapping[str, Any]:
        """Return a `[[table]]` as it stands in the file."""
        found: Mapping[str, Any] = self._raw[table][number]
        return found

    def names(self, table: str) -> list[str]:
        """Return the names of all `[[table]]`s, also of those with a fault."""
        each = self._list(table)
        return [str(one["name"]) for one in each if isinstance(one, Mapping) and "name" in one]

    def _check(self) -> None:
        found = list(wrongs(self._raw, ConfigFile))
        self._bad = {one.place[:end] for one in found for end in (1, 2, 3)}
        kinds = {one.name: one.type for one in msgspec.structs.fields(ConfigFile)}
        for table in TABLES:
            self._good[table] = dict(self._readable(table, get_args(kinds[table])[0]))
        single = {key: self._raw[key] for key in self._raw if (key,) not in self._bad}
        self.config = self._whole({k: v for k, v in single.items() if k not in TABLES})
        self.faults = [*map(self._of_form, found), *self._of_meaning()]
        self.faults.sort(key=lambda one: one.line or 0)

    def _readable(self, table: str, kind: Any) -> Iterator[tuple[int, Any]]:
        for number, one in enumerate(self._list(table)):
            with contextlib.suppress(msgspec.ValidationError, AttributeError):
                right = {k: v for k, v in one.items() if (table, number, k) not in self._bad}
                yield number, msgspec.convert(right, kind)

    def _list(self, table: str) -> list[Any]:
        found = self._raw.get(table, [])
        return found if isinstance(found, list) else []

    def _whole(self, single: dict[str, Any]) -> ConfigFile:
        found = {table: list(good.values()) for table, good in self._good.items()}
        for table in ("subscription", "poll"):
            found[table] = [devices.beside(one, self._path) for one in found[table]]
        return msgspec.structs.replace(msgspec.convert(single, ConfigFile), **found)

    def _of_form(self, wrong: Wrong) -> Fault:
        """Return the fault of a value of the wrong form, as `sink 2, timeout: …`."""
        names = [str(key) for key in wrong.place if isinstance(key, str)]
        numbers = [f" {key + 1}" for key in wrong.place[1:2] if isinstance(key, int)]
        name = "".join(names[:1] + numbers) + (f", {'.'.join(names[1:])}" if names[1:] else "")
        return self.at(wrong.place, f"{name}: {wrong.said}" if name else wrong.said)

    def _of_meaning(self) -> Iterator[Fault]:
        for table, faults in self._checks().items():
            for number, one in self.tables(table):
                for key, said in faults(one):
                    if (table, number, key) not in self._bad:
                        yield self.at((table, number, key), f"{table} {one.name!r}, {key}: {said}")
            yield from self._twins(table)
        url = self.config.public_url
        if url and (wrong := operators.url_fault(url, bare=True) or _own_path(url)):
            yield self.at(("public_url",), f"public_url: {wrong}")
        if self.config.subscription and not self._raw.get("public_url"):
            wanted = "add public_url, the https URL of `receiver web`, before all [tables]"
            yield self.at(("subscription", 0), wanted)

    def _twins(self, table: str) -> Iterator[Fault]:
        seen: set[str] = set()
        for number, one in enumerate(self._list(table)):
            name = one.get("name") if isinstance(one, Mapping) else None
            if isinstance(name, str):
                if name in seen:
                    said = f"{table} {name!r}, name: another {table} has it: take another"
                    yield self.at((table, number, "name"), said)
                seen.add(name)

    def _checks(self) -> dict[str, Callable[[Any], Iterator[tuple[str, str]]]]:
        names = self.names("listener")
        known = [one for n, one in self.tables("operator") if ("operator", n) not in self._bad]
        broken = set(self.names("operator")) - {one.name for one in known}

        def of_operators(found: Iterator[tuple[str, str]], one: Any) -> Iterator[tuple[str, str]]:
            """Leave out faults that follow from a fault of the operator's own."""
            missing = getattr(one, "operator", "") in broken
            return (each for each in found if not (missing and each[0] == "operator"))

        return {
            "listener": listeners.faults,
            "reader": lambda _: iter(()),
            "sink": sinks.faults,
            "operator": operators.faults,
            "subscription": lambda one: of_operators(
                subscription_sets.faults(one, known, names), one
            ),
            "poll": lambda one: of_operators(poll_faults.faults(one, known), one),
        }


def read(environ: Mapping[str, str]) -> Document | Fault | None:
    """Read the text that this process was handed over; else the file that `RECEIVER_CONFIG` names,
    which must exist, or `receiver.toml`, which need not: then None. Returns a fault where it cannot
    be read.
    """
    path = path_of(environ)
    try:
        given = handed_over.text(environ)
    except (OSError, OverflowError, ValueError):
        return Fault(handed_over.VARIABLE, "a supervisor sets it for its own processes: unset it")
    try:
        return Document(path, config_file.text(path) if given is None else given)
    except OSError as error:
        absent = isinstance(error, FileNotFoundError)
        if absent and not environ.get("RECEIVER_CONFIG", "").strip():
            return None
        why = error.strerror or "it cannot be read"
        return Fault(f"RECEIVER_CONFIG={str(path)!r}", f"{why}; a file that can be read is wanted")
    except ValueError as error:
        return Fault(str(path), str(error))


def path_of(environ: Mapping[str, str]) -> Path:
    """Return the path of the file, whether it is there or not."""
    return Path(environ.get("RECEIVER_CONFIG", "").strip() or "receiver.toml")


def _own_path(url: str) -> str:
    """Return what is wrong with a URL that has our path already: operators are told it with that
    path behind it, and nothing would arrive.
    """
    found = _OWN_PATH(url)
    return f"{found[0]} comes behind it by itself: leave that out" if found else ""


def _of_syntax(path: Path, text: str, message: str) -> Fault:
    found = _AT.search(message)
    line = int(found[1]) if found and found[1] else text.count("\n", 0, len(text.rstrip())) + 1
    return Fault(str(path), _AT.sub("", message), line)
