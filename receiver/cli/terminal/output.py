"""Output for people: on the terminal, or on stderr where stdout is read by a program."""

import sys
from functools import cache
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from rich.console import Console


@cache
def terminal() -> "Console":
    """Return the console on stdout; call it only where stdout is a terminal."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def print_message(line: str) -> None:
    """Print one line for people: on stderr unless stdout is a terminal."""
    click.echo(line, err=not sys.stdout.isatty())


def exit_nothing_found(what: str) -> NoReturn:
    """Print on stderr that nothing was found, and end the command with exit code 1."""
    click.echo(f"receiver: {what}", err=True)
    raise SystemExit(1)


def printable(text: object, keep: str = "") -> str:
    """Replace characters that could control the terminal, except those in `keep`."""
    return "".join(
        c if c.isprintable() or c in keep else "\N{REPLACEMENT CHARACTER}" for c in str(text)
    )
