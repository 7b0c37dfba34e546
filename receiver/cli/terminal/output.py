"""Where the commands write for people: the terminal, or stderr when stdout is for a program."""

import sys
from functools import cache
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from rich.console import Console


@cache
def terminal() -> "Console":
    """The console on stdout; only where that is a terminal."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def say(line: str) -> None:
    """One line for a person."""
    click.echo(line, err=not sys.stdout.isatty())


def nothing(what: str) -> NoReturn:
    """A command that found nothing says so, where no program reads it, and ends with 1."""
    click.echo(f"receiver: {what}", err=True)
    raise SystemExit(1)


def printable(text: object, keep: str = "") -> str:
    """A stranger's text must not be able to command the terminal."""
    return "".join(
        c if c.isprintable() or c in keep else "\N{REPLACEMENT CHARACTER}" for c in str(text)
    )
