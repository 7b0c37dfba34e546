"""The options `--type`, `--listener` and `--where`, and the events that they let through."""

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any, TypeVar

import click
import msgspec

from receiver.config.sinks import value_at
from receiver.contract.stored_values import UNREADABLE
from receiver.events.event_types import TYPES

Command = TypeVar("Command", bound=Callable[..., Any])


class EventHead(msgspec.Struct, frozen=True):
    """What of an event may be printed anywhere: nothing about a person."""

    id: str
    type: str
    source: str

    @property
    def listener(self) -> str:
        """Return the listener that it came to."""
        return self.source.rpartition("/")[2]


Place = tuple[str, tuple[Any, ...]]
"""A dotted path in an event, and the values of which one must stand there."""

_head = msgspec.json.Decoder(EventHead).decode


def head_of(event: bytes) -> EventHead | None:
    """Return the head of an event; None for what is no event of ours."""
    try:
        if not event.isascii():
            event.decode()
        return _head(event)
    except UNREADABLE:
        return None


class EventFilter:
    """Let through the events of some types (globs) and listeners, and with some values; all of
    them where none is named.
    """

    def __init__(
        self, types: tuple[str, ...], listeners: tuple[str, ...], where: tuple[Place, ...]
    ) -> None:
        self._types = types
        self._listeners = listeners
        self._where = where

    def wants(self, event: bytes) -> bool:
        """Return whether an event (JSON) is let through."""
        if not (self._types or self._listeners or self._where):
            return True
        if not (head := head_of(event)):
            return False
        of_type = not self._types or any(fnmatchcase(head.type, glob) for glob in self._types)
        of_listener = not self._listeners or head.listener in self._listeners
        return of_type and of_listener and (not self._where or self._has_values(event))

    def _has_values(self, event: bytes) -> bool:
        try:
            document = msgspec.json.decode(event)
        except UNREADABLE:
            return False
        return all(value_at(document, path) in values for path, values in self._where)


class _TypeGlob(click.ParamType[str]):
    """A type of event, or a glob of types."""

    name = "type"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not any(fnmatchcase(name, value) for name in TYPES):
            self.fail(f"no event has a type like {value!r}: see `receiver schema`", param, ctx)
        return value


class Where(click.ParamType[Place]):
    """`PATH=VALUE`: what a sink's `where` has, with the value as text or as JSON."""

    name = "path=value"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> Place:
        """Convert `PATH=VALUE` to the path and the values that are meant."""
        path, equals, written = value.partition("=")
        if not (path and equals):
            self.fail("PATH=VALUE is wanted, such as data.status=failed", param, ctx)
        try:
            return path, (written, msgspec.json.decode(written))
        except msgspec.DecodeError:
            return path, (written,)
        except RecursionError:
            self.fail("this VALUE is nested too deep: no event has it", param, ctx)


def options(command: Command) -> Command:
    """Add the options to a command, as `types`, `listeners` and `where`."""
    of_type = click.option(
        "--type",
        "types",
        type=_TypeGlob(),
        multiple=True,
        help="Only events of this type, or of types like 'sms.*'; several times for several.",
    )
    of_listener = click.option(
        "--listener",
        "listeners",
        multiple=True,
        help="Only events of this listener; several times for several.",
    )
    with_value = click.option(
        "--where",
        type=Where(),
        multiple=True,
        help="Only events with this value there, such as data.status=failed; several times for "
        "events that have them all.",
    )
    return of_type(of_listener(with_value(command)))
