"""`receiver config check`: everything that is wrong with the settings, at once."""

import os

import click

from receiver.cli.terminal import output
from receiver.cli.terminal.output import print_message, printable
from receiver.config import check as checking
from receiver.config import receiver_toml


@click.group()
def command() -> None:
    """Check the environment and receiver.toml, before a process does.

    \b
      receiver config check
    """


@command.command(short_help="Print every fault, with its line.")
@click.argument("file", type=click.Path(), required=False)
@output.json_option
def check(file: str | None, *, as_json: bool) -> None:
    """Print every fault of the environment and receiver.toml at once, each with its line.

    \b
      receiver config check
      receiver config check new.toml && mv new.toml receiver.toml    (what runs takes it in seconds)
      receiver config check | jq -r .line

    FILE instead of RECEIVER_CONFIG, or receiver.toml here. Run it where the processes run, with
    their environment: variables that the file names and that are not set are faults too, and so are
    RECEIVER_ variables that nothing reads, types and listeners of sinks that no event has (not what
    `where` asks for), and bad lines in files of devices. No secret is printed, and nothing is
    changed.

    Exit codes: 0 no faults; 1 faults, each printed with its line.
    """
    environ = os.environ | ({"RECEIVER_CONFIG": file} if file else {})
    faults = checking.check(environ)
    for one in faults:
        output.print_document(one) if as_json else click.echo(printable(one))
    if not faults:
        path = receiver_toml.path_of(environ)
        there = os.path.exists(path)  # Path.exists raises where it may not look
        named = f"{path} and the environment" if there else "the environment"
        print_message(f"no faults in {named}")
    else:
        print_message(f"{len(faults)} {'fault' if len(faults) == 1 else 'faults'}")
    raise SystemExit(int(bool(faults)))
