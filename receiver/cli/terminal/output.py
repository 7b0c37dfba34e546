"""Output of the commands: JSON for programs; for people words, on the terminal, or on stderr where
stdout is read by a program.
"""

import json
import sys
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import click

from receiver.runtime import json_text

if TYPE_CHECKING:
    from rich.console import Console

Command = TypeVar("Command", bound=Callable[..., Any])

_ASKED: Final = "receiver.json"
_NO_DIGITS: Final = str.maketrans("", "", "0123456789")
INSTEAD: Final = "A JSON document instead of the bare value."


@cache
def terminal() -> "Console":
    """Return the console on stdout; call it only where stdout is a terminal."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def json_option(command: Command) -> Command:
    """Add `--json`, as `as_json`, which is also set where stdout is no terminal: whoever reads a
    pipe gets what `--json` prints.
    """
    said = "JSON, one document a line, as into a pipe."
    option = click.option("--json", "as_json", is_flag=True, callback=_or_into_a_pipe, help=said)
    return option(command)


def json_instead(command: Command) -> Command:
    """Add `--json`, as `as_json`, to a command that prints a value to be captured, such as a token:
    it is printed bare, also into a pipe.
    """
    return click.option("--json", "as_json", is_flag=True, help=INSTEAD)(command)


def _or_into_a_pipe(context: click.Context, _option: click.Parameter, given: bool) -> bool:
    context.meta[_ASKED] = given
    return given or not sys.stdout.isatty()


def print_document(value: object) -> None:
    """Print a value as one line of JSON."""
    click.echo(harmless(json_text.encode(value)))


def harmless(document: bytes) -> bytes:
    """Return a JSON document as it is, or for a terminal with escapes for what could control it."""
    text = document.decode("utf-8", "replace")
    if text.isprintable() or not sys.stdout.isatty():
        return document
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text).encode()


def print_documents(values: Iterable[object]) -> int:
    """Print each value as one line of JSON, and return how many there were."""
    count = 0
    for value in values:
        print_document(value)
        count += 1
    return count


def print_result(sentence: str, *, as_json: bool, **fields: object) -> None:
    """Print what a command has done: its fields as JSON, or a sentence for people."""
    print_document(fields) if as_json else click.echo(sentence)


def print_message(line: str) -> None:
    """Print one line for people: on stderr unless stdout is a terminal, and not for JSON."""
    context = click.get_current_context(silent=True)
    asked_for_json = bool(context and context.meta.get(_ASKED))
    click.echo(line, err=asked_for_json or not sys.stdout.isatty())


def say(line: str) -> None:
    """Print one line for people on stderr."""
    click.echo(f"receiver: {line}", err=True)


class WaitNotice:
    """Print what is waited for, each reason once; `each` is called whenever there is one."""

    def __init__(self, each: Callable[[], None] = lambda: None) -> None:
        self._each = each
        self._last = ""

    def __call__(self, why: str) -> None:
        """Print a reason, unless it is the last one with other numbers."""
        kind = why.translate(_NO_DIGITS)
        if kind != self._last:
            say(f"waiting: {why}")
        self._last = kind
        self._each()


def exit_undone(why: str) -> NoReturn:
    """Print on stderr why nothing was done, such as that what was asked for is not there and where
    to look, and end the command with exit code 1. An empty list is no fault: `print_message`.
    """
    say(why)
    raise SystemExit(1)


def printable(text: object, keep: str = "") -> str:
    """Replace characters that could control the terminal, except those in `keep`."""
    return "".join(
        c if c.isprintable() or c in keep else "\N{REPLACEMENT CHARACTER}" for c in str(text)
    )
