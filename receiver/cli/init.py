"""`receiver init`: a receiver.toml to begin with."""

import shlex
from pathlib import Path
from typing import Final

import click

from receiver.cli.terminal import setup
from receiver.cli.terminal.output import print_message
from receiver.config import template

DEFAULT: Final = Path("receiver.toml")


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default=DEFAULT)
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
def command(file: Path, *, force: bool) -> None:
    """Write a receiver.toml with everything in it, commented out. It asks nothing.

    \b
      receiver init
      receiver init /etc/receiver/receiver.toml
      receiver config check

    Each table and key has a comment with its default, its unit and its bounds. As written it is
    valid, and changes nothing. A file that is there is not overwritten.
    """
    try:
        with file.open("w" if force else "x", encoding="utf-8") as new:
            new.write(template.text())
    except FileExistsError:
        raise setup.Refused(f"{file} is there already: name another, or --force") from None
    except OSError as error:
        raise setup.Refused(f"{file}: {error.strerror}") from None
    named = "" if file == DEFAULT else f" {shlex.quote(str(file))}"
    print_message(f"{file} is written: uncomment what you need, then receiver config check{named}")
