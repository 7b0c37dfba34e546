"""Where the commands write for people: the terminal, or stderr when stdout is for a program."""

import sys
from functools import cache
from typing import TYPE_CHECKING

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


def printable(text: object, keep: str = "") -> str:
    """A stranger's text must not be able to command the terminal."""
    return "".join(
        c if c.isprintable() or c in keep else "\N{REPLACEMENT CHARACTER}" for c in str(text)
    )
