"""Which dead letters or refused requests a command acts on: its ids and options, all together."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click
import msgspec

from receiver.cli.terminal.output import say
from receiver.cli.terminal.time_option import TimeOption

Command = TypeVar("Command", bound=Callable[..., Any])
Selection = TypeVar("Selection", bound=msgspec.Struct)

_IDS: Final = click.argument("ids", nargs=-1, metavar="[ID]...")
_AGES: Final = (
    click.option(
        "--older-than", "until", type=TimeOption(), help="Only older: an age (3d) or a time."
    ),
    click.option(
        "--newer-than", "since", type=TimeOption(), help="Only newer: an age (2h) or a time."
    ),
)


def options(*of_kind: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Return what adds ids, these options and the times to a command."""

    def add(command: Command) -> Command:
        for option in reversed((_IDS, *of_kind, *_AGES)):
            command = option(command)
        return command

    return add


def selected(kind: type[Selection], *, ids: tuple[str, ...], **chosen: Any) -> Selection:
    """Return the selection that ids and options make; None is one that is not given."""
    given = {name: value for name, value in chosen.items() if value is not None}
    return kind(ids=frozenset(ids), **given)


def selected_or_all(
    kind: type[Selection], chosen: dict[str, Any], *, everything: bool
) -> Selection:
    """Return the selection. Raises `click.UsageError` unless either it or `--all` is given."""
    if everything == any(value not in ((), "", None) for value in chosen.values()):
        params = click.get_current_context().command.params
        names = [one.opts[0] for one in params if one.name in chosen]
        raise click.UsageError(f"say which: {', '.join(names)}; or --all")
    return selected(kind, **chosen)


def print_none_chosen(what: str, look: str, wanted: Any) -> None:
    """Print on stderr that a command has found nothing to do, and which command shows what there
    is. `wanted` is the selection.
    """
    if wanted != type(wanted)(ids=wanted.ids):
        say(f"none matches: see `{look}`")
    else:
        say(f"there is no such {what}: see `{look}`" if wanted.ids else "there is none")
