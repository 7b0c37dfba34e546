"""The options `--type` and `--listener`, and the events that they let through."""

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any, TypeVar

import click
import msgspec

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


_head = msgspec.json.Decoder(EventHead).decode


def head_of(event: bytes) -> EventHead | None:
    """Return the head of an event; None for what is no event of ours."""
    try:
        if not event.isascii():
            event.decode()
        return _head(event)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


class EventFilter:
    """Let through the events of some types (globs) and listeners; of all where none is named."""

    def __init__(self, types: tuple[str, ...], listeners: tuple[str, ...]) -> None:
        self._types = types
        self._listeners = listeners

    def wants(self, event: bytes) -> bool:
        """Return whether an event (JSON) is let through."""
        if not (self._types or self._listeners):
            return True
        if not (head := head_of(event)):
            return False
        of_type = not self._types or any(fnmatchcase(head.type, glob) for glob in self._types)
        return of_type and (not self._listeners or head.listener in self._listeners)


class _TypeGlob(click.ParamType[str]):
    """A type of event, or a glob of types."""

    name = "type"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not any(fnmatchcase(name, value) for name in TYPES):
            self.fail(f"no event has a type like {value!r}: see `receiver schema`", param, ctx)
        return value


def options(command: Command) -> Command:
    """Add the options to a command, as `types` and `listeners`."""
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
    return of_type(of_listener(command))
