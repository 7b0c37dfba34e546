"""The man page, made from what `--help` prints: `python -m receiver.cli.man_page`."""

from collections.abc import Iterator

import click

from receiver import __version__
from receiver.cli import main

_WIDTH = 78
_END = """\
.SH "EXIT STATUS"
0 done; 1 what was asked for is not there, could not be done wholly, or needs somebody; 2 a wrong
option or setting, or no Redis; 130 Ctrl\\-C. A command's own help says where it has others.
.SH ENVIRONMENT
Settings are environment variables and receiver.toml: docs/configuration.md.
.SH FILES
receiver.toml, or what RECEIVER_CONFIG names; the data directory ./var, or RECEIVER_DATA_DIR.
"""


def man_page() -> str:
    """Return the page in man(7)'s language, with a section for each command."""
    context = _context(main, "receiver")
    head = f'.TH RECEIVER 1 "" "telecom-receiver {__version__}" "User Commands"\n'
    name = ".SH NAME\nreceiver \\- run and operate the receiving end of telecom network APIs\n"
    sections = "".join(_sections(main, context))
    return f"{head}{name}.SH SYNOPSIS\n.B receiver\n\\fICOMMAND\\fR ...\n{sections}{_END}"


def _sections(command: click.Command, context: click.Context) -> Iterator[str]:
    whole = context.info_name == "receiver"
    title = '.SH "DESCRIPTION"' if whole else f'.SS "{context.info_name}"'
    yield f"{title}\n.nf\n{_escaped(_help(command, context))}\n.fi\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            if found := command.get_command(context, name):
                yield from _sections(found, _context(found, f"{context.info_name} {name}"))


def _context(command: click.Command, name: str) -> click.Context:
    """Return a context in which a command is called as it is typed, whatever it belongs to."""
    return click.Context(command, info_name=name, help_option_names=["-h", "--help"])


def _help(command: click.Command, context: click.Context) -> str:
    """Return what `--help` prints, at one width."""
    formatter = click.HelpFormatter(width=_WIDTH, max_width=_WIDTH)
    command.format_help(context, formatter)
    return formatter.getvalue().rstrip()


def _escaped(text: str) -> str:
    """Return text that no formatter takes for its own: a line's leading . or ' is a request."""
    lines = text.replace("\\", "\\e").replace("-", "\\-").splitlines()
    return "\n".join(f"\\&{line}" if line[:1] in (".", "'") else line for line in lines)


if __name__ == "__main__":
    click.echo(man_page(), nl=False)
