"""Every command, found by looking, and run in this process: hundreds of runs in seconds."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import click

from receiver.cli import main
from receiver.cli.terminal import output, stdio
from receiver.cli.terminal.process import UntilStopped
from tests.support.environ import environment

NUMBER = "+12065550100"


class Leaf(NamedTuple):
    """A command that does something, as it is typed."""

    words: tuple[str, ...]
    command: click.Command
    context: click.Context

    @property
    def name(self) -> str:
        return " ".join(self.words)

    @property
    def json(self) -> click.Option | None:
        """Its option `--json`."""
        return next((one for one in self.options if "--json" in one.opts), None)

    @property
    def bare(self) -> bool:
        """Whether it prints a value to be captured, unless `--json` is given."""
        return bool(self.json and self.json.help == output.INSTEAD)

    @property
    def options(self) -> list[click.Option]:
        return [one for one in self.command.params if isinstance(one, click.Option)]

    def arguments(self) -> list[str]:
        """What it has to be told, as far as it can be told without knowing what it does; and the
        options that have it ask nothing, take all, and come to an end.
        """
        words = list(self.words)
        for one in self.command.params:
            if one.required or one.name == "numbers":  # `erase` may forget a spool instead
                value = _value(one.type)
                words += [value] if isinstance(one, click.Argument) else [one.opts[0], value]
        flags = {name for one in self.options for name in one.opts}
        several = any(one.nargs == -1 for one in self.command.params)
        words += ["--all"] if several and "--all" in flags else []
        words += [name for name in ("--yes", "--no-follow") if name in flags]
        return words + (["--event", "none"] if "--event" in flags else [])


def _value(kind: click.ParamType[Any]) -> str:
    if isinstance(kind, click.Choice):
        return str(kind.choices[0])
    return "1h" if kind.name == "moment" else NUMBER


def leaves(
    command: click.Command = main, words: tuple[str, ...] = (), parent: click.Context | None = None
) -> Iterator[Leaf]:
    """Every command that does something."""
    name = (words or ("receiver",))[-1]
    context = click.Context(command, info_name=name, parent=parent, **command.context_settings)
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield Leaf(words, command, context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found
            yield from leaves(found, (*words, name), context)


LEAVES = list(leaves())
COMMANDS = [leaf for leaf in LEAVES if not isinstance(leaf.command, UntilStopped)]
"""Those that end by themselves, or at Ctrl-C, and print something; the others are processes."""


class Done(NamedTuple):
    code: int
    out: str
    err: str


class _Stream(io.TextIOWrapper):
    def __init__(self, *, terminal: bool) -> None:
        self._terminal = terminal
        super().__init__(io.BytesIO(), "utf-8", write_through=True)

    def isatty(self) -> bool:
        return self._terminal

    def text(self) -> str:
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode()


def here(cwd: Path, *words: str, terminal: bool = False, **environ: str) -> Done:
    """Run a command in this process; on a terminal it has 80 columns. stdin is empty."""
    seen = environment(COLUMNS="80", TERM="xterm-256color") | environ
    out, err, before = _Stream(terminal=terminal), _Stream(terminal=False), os.getcwd()
    output.terminal.cache_clear()
    os.chdir(cwd)
    try:
        with (
            mock.patch.dict(os.environ, seen, clear=True),
            mock.patch.object(stdio, "prepare"),
            mock.patch.object(sys, "stdin", io.StringIO()),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                main.main(list(words), prog_name="receiver")
                code = 0
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(bool(end.code))
    finally:
        os.chdir(before)
        output.terminal.cache_clear()
    return Done(code, out.text(), err.text())
